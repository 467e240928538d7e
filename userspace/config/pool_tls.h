// SPDX-License-Identifier: Apache-2.0
// How TLS is spoken to the backends of a pool.
#pragma once

#include <string>

#include "config/tls_options.h"

namespace koi {

// Where the name comes from that a backend is asked for (SNI).
enum class SniSource {
  kFixed,   // PoolTls::sni; "": none is sent
  kClient,  // the client's own SNI, with tls = "terminate"
  kHost,    // the host that a request names
};

struct PoolTls {
  bool verify = true;  // a backend must prove that it is the one
  // What its certificate must be for; "": the name that it is asked for, or else its address.
  std::string name = {};
  std::string sni = {};
  SniSource sni_from = SniSource::kFixed;
  TlsVersion min_version = TlsVersion::k12;
  TlsVersion max_version = TlsVersion::k13;

  bool operator==(const PoolTls&) const = default;
};

struct PoolTlsFiles {
  std::string ca = {};           // certificates that are trusted; with `verify`
  std::string certificate = {};  // koi's own, for backends that ask; "": none
  std::string key = {};

  bool operator==(const PoolTlsFiles&) const = default;
};

}  // namespace koi
