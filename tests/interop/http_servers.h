// SPDX-License-Identifier: Apache-2.0
// Other people's web servers, started on loopback as backends of a worker under test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "support/lab/program.h"

namespace koi {

// Ends with this object; its files are in a folder of its own.
class HttpServer {
 public:
  // 200 and "nginx" for all, the body of the request for /echo.
  static HttpServer Nginx();
  // 200 and "haproxy" for all.
  static HttpServer Haproxy();
  // 200 and "lighttpd" for GET /seen.
  static HttpServer Lighttpd();
  // Sends each WebSocket message back.
  static HttpServer WebSocketEcho();

  const std::string& name() const { return name_; }
  const Endpoint& endpoint() const { return endpoint_; }
  // Ends it and tells the requests that it has logged: "GET /seen".
  std::vector<std::string> LoggedRequests();

  HttpServer(HttpServer&&) = default;
  ~HttpServer();

 private:
  explicit HttpServer(std::string name);
  // `file` of its folder with PORT and FOLDER filled in.
  std::string Write(const std::string& file, const std::string& text) const;
  void Start(const lab::Argv& argv);

  std::string name_;
  std::string folder_;  // "" once moved from
  Endpoint endpoint_;
  std::unique_ptr<lab::Process> process_;
};

}  // namespace koi
