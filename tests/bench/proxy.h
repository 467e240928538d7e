// SPDX-License-Identifier: Apache-2.0
// A proxy that is measured: a host of the lab on which it runs as its users run it, on one CPU.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/wire.h"
#include "support/lab/certificate.h"
#include "support/lab/lab.h"

namespace koi::bench {

// What clients connect to. The same ports at every proxy.
enum class Offer {
  kEcdsa = 443,   // TLS with an ECDSA certificate; HTTP where the proxy knows it
  kRsa = 444,     // TLS with an RSA certificate
  kPlain = 80,    // HTTP
  kTunnel = 8443  // TLS in, bytes out
};

// What every proxy is given.
struct ProxySettings {
  lab::Certificate ecdsa = {};
  lab::Certificate rsa = {};
  std::string origin = {};  // ADDRESS:PORT
  Arms arms = Arms::kTwo;
  int cpu = 0;        // for all of its threads and processes
  int peers_cpu = 0;  // client's and origin's
};

class Proxy {
 public:
  virtual ~Proxy() = default;

  const std::string& name() const { return host().name(); }
  virtual const lab::Host& host() const = 0;
  // Where clients reach it.
  virtual std::string address() const = 0;
  virtual bool Offers(Offer offer) const = 0;
  virtual void Start() = 0;
  // Ends all of it.
  virtual void Stop() = 0;
  // The end of what it wrote, for people.
  virtual std::string LogTail() const = 0;

  // Its processes now: all there are in its namespace.
  std::vector<int> Pids(const lab::Lab& lab) const;
};

// In front of a command that is to run on `cpu` alone.
lab::Argv OnCpu(int cpu, const lab::Argv& argv);

// How koi brings packets to its worker: "always", "elsewhere" or "never", as xdp.steer has it, or
// "no_xdp", without any program. "": as koi does by itself.
struct KoiSettings {
  std::string name = "koi";
  std::string steer = {};
  std::string vip = "10.9.0.100";
  int vhid = 42;
};

std::unique_ptr<Proxy> MakeKoi(lab::Lab& lab, const ProxySettings& settings,
                               const KoiSettings& koi = {});

// "haproxy", "haproxy_tcp", "nginx" or "hitch".
std::unique_ptr<Proxy> MakePackaged(lab::Lab& lab, const std::string& name,
                                    const ProxySettings& settings);

}  // namespace koi::bench
