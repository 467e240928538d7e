// SPDX-License-Identifier: Apache-2.0
// Configurations of nginx, haproxy, lighttpd, and a WebSocket server in Python.
#include "interop/http_servers.h"

#include <poll.h>
#include <stdlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/file.h"
#include "net/socket.h"
#include "unit/worker/worker_process.h"

namespace koi {
namespace {

constexpr char kNginx[] = R"(load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log;
events {}
http {
  log_format seen '$request_method $request_uri';
  access_log FOLDER/requests seen;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  client_max_body_size 0;
  client_body_buffer_size 16m;
  server {
    listen 127.0.0.1:PORT;
    location / { return 200 "nginx\n"; }
    location = /echo { echo_read_request_body; echo_request_body; }
  }
}
)";

constexpr char kHaproxy[] = R"(global
  log stdout format raw local0
  maxconn 200
defaults
  mode http
  log global
  log-format "%HM %HU"
  option dontlognull
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend web
  bind 127.0.0.1:PORT
  option http-buffer-request
  http-request return status 200 content-type text/plain string "haproxy\n"
)";

constexpr char kLighttpd[] = R"(server.document-root = "FOLDER"
server.bind = "127.0.0.1"
server.port = PORT
server.modules = ("mod_accesslog")
server.errorlog = "FOLDER/error.log"
accesslog.filename = "FOLDER/requests"
accesslog.format = "%m %U"
)";

constexpr char kWebSocket[] = R"(import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", PORT, max_size=None, compression=None):
        await asyncio.Future()
asyncio.run(main())
)";

// Whether somebody listens there.
bool Answers(const Endpoint& endpoint) {
  const auto fd = ConnectTcp(endpoint);
  if (!fd.ok()) return false;
  pollfd connecting = {fd->get(), POLLOUT, 0};
  return ::poll(&connecting, 1, 1000) == 1 && ConnectResult(fd->get()).ok();
}

Endpoint FreeEndpoint() {
  const Fd listener = ListenTcp({Address::Parse("127.0.0.1").value(), 0}).value();
  return LocalEndpoint(listener.get()).value();
}

}  // namespace

HttpServer::HttpServer(std::string name) : name_(std::move(name)), endpoint_(FreeEndpoint()) {
  char folder[] = "/tmp/koi-http-XXXXXX";
  KOI_CHECK(::mkdtemp(folder) != nullptr);
  folder_ = folder;
}

HttpServer::~HttpServer() {
  if (folder_.empty()) return;
  if (process_ != nullptr) process_->Signal(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string HttpServer::Write(const std::string& file, const std::string& text) const {
  const std::string path = absl::StrCat(folder_, "/", file);
  std::ofstream(path) << absl::StrReplaceAll(
      text, {{"FOLDER", folder_}, {"PORT", absl::StrCat(endpoint_.port)}});
  return path;
}

void HttpServer::Start(const lab::Argv& argv) {
  process_ = std::make_unique<lab::Process>(
      lab::Process::Start(argv, absl::StrCat(folder_, "/output")).value());
  KOI_CHECK(Eventually(std::chrono::seconds(20), [&] { return Answers(endpoint_); }));
}

std::vector<std::string> HttpServer::LoggedRequests() {
  process_->Signal(SIGTERM);
  KOI_CHECK(process_->Wait(std::chrono::seconds(20)).has_value());
  const std::string file = name_ == "haproxy" ? "/output" : "/requests";
  std::vector<std::string> requests;
  for (const absl::string_view line :
       absl::StrSplit(ReadFile(folder_ + file).value_or(""), '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "[")) requests.emplace_back(line);  // of haproxy itself
  }
  return requests;
}

HttpServer HttpServer::Nginx() {
  HttpServer server("nginx");
  server.Start({"nginx", "-e", "/dev/null", "-c", server.Write("nginx.conf", kNginx)});
  return server;
}

HttpServer HttpServer::Haproxy() {
  HttpServer server("haproxy");
  server.Start({"haproxy", "-db", "-f", server.Write("haproxy.cfg", kHaproxy)});
  return server;
}

HttpServer HttpServer::Lighttpd() {
  HttpServer server("lighttpd");
  server.Write("seen", "lighttpd\n");
  server.Start({"lighttpd", "-D", "-f", server.Write("lighttpd.conf", kLighttpd)});
  return server;
}

HttpServer HttpServer::WebSocketEcho() {
  HttpServer server("websockets");
  server.Start({"/usr/bin/python3", server.Write("echo.py", kWebSocket)});
  return server;
}

}  // namespace koi
