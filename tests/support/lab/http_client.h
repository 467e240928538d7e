// SPDX-License-Identifier: Apache-2.0
// An HTTP and HTTPS client for tests: libcurl, one request at a time.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"

namespace koi::lab {

struct HttpAnswer {
  int status = 0;  // 0: there was no answer, `error` says why
  std::string body;
  std::string location;  // where a redirect points, else ""
  std::string error;

  bool ok() const { return status == 200; }
  // Why it is not ok: "503" or libcurl's words.
  std::string Failure() const;
};

struct HttpClientOptions {
  std::string ca_file = {};  // who may sign the server's certificate
  bool keep_alive = false;   // else a connection for each request, with a full handshake
  Duration timeout = std::chrono::seconds(5);  // of a whole request
  std::string user_password = {};              // "user:password" for basic authentication
};

// Belongs to one thread; its sockets live in that thread's network namespace.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpAnswer Get(const std::string& url);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace koi::lab
