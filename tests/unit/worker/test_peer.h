// SPDX-License-Identifier: Apache-2.0
// The other ends of a worker's connections: blocking clients, and backends that follow a script.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/fd.h"
#include "support/tls/made_certificate.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;
using SSL_SESSION = struct ssl_session_st;

namespace koi {

// One end of a TCP connection; every call gives up after twenty seconds, or what WaitUpTo() says.
// Failures show as empty or short results.
class TestPeer {
 public:
  explicit TestPeer(Fd fd);
  ~TestPeer();

  void WaitUpTo(std::chrono::seconds limit);

  bool Send(absl::string_view bytes);
  // One message: its head and its body without framing. `to_head`: a response that has no body.
  struct Message {
    std::string head;  // "" when there was none
    std::string body;
    bool whole = false;
  };
  Message ReadMessage(bool to_head = false);
  std::string Read(size_t bytes);
  // Until the other end closes. `reset`: whether it did so by a reset.
  std::string ReadToEnd(bool* reset = nullptr);
  bool AtEnd() { return ReadToEnd().empty(); }

  void EndWriting();
  void Close();
  void Reset();
  // Makes a call of another thread return as if the other end had closed.
  void Interrupt();
  Endpoint local() const;

  // Turns this end into a TLS client, which offers `session` again and has `shown`; false when the
  // handshake fails.
  bool StartTls(const std::string& name = "koi.example", SSL_SESSION* session = nullptr,
                const MadeCertificate* shown = nullptr);
  // Into a TLS server.
  bool AcceptTls(SSL_CTX* context);
  SSL* ssl() { return ssl_; }

 private:
  bool Fill();  // reads once into pending_; false at the end

  Fd fd_;
  SSL* ssl_ = nullptr;
  std::string pending_;
  bool reset_ = false;
};

std::unique_ptr<TestPeer> ConnectTo(const Endpoint& endpoint);
std::unique_ptr<TestPeer> ConnectToTls(const Endpoint& endpoint);

// Listens on loopback and runs `script` in a thread for each connection; the connection is closed
// when the script returns.
class TestBackend {
 public:
  using Script = std::function<void(TestPeer& client, TestBackend& backend)>;

  explicit TestBackend(Script script);
  // Answers every request with 200 and "NAME\n".
  static Script Says(const std::string& name);
  // Answers every request with 200 and its own head and body.
  static Script Echoes();
  ~TestBackend() { Stop(); }

  // Refuses connections from now on and waits until open ones have ended.
  void Stop();

  const Endpoint& endpoint() const { return endpoint_; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  void CountRequest() { ++requests_; }

 private:
  void Serve();

  Script script_;
  Fd listener_;
  Endpoint endpoint_;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;  // of what follows
  std::vector<std::thread> threads_;
  std::vector<std::shared_ptr<TestPeer>> peers_;
  std::thread acceptor_;
};

}  // namespace koi
