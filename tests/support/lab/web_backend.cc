// SPDX-License-Identifier: Apache-2.0
// A backend: nginx in one process, with a configuration of its own.
#include "support/lab/web_backend.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/time.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr int kPort = 8080;

// One process, so that the pid the lab knows is the whole of it.
constexpr char kConfiguration[] = R"(load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
daemon off;
master_process off;
pid DIRECTORY/nginx.pid;
error_log DIRECTORY/nginx.error.log;
events { worker_connections 4096; }
http {
  access_log off;
  default_type text/plain;
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  server {
    listen 8080 backlog=4096;
    listen [::]:8080 backlog=4096;
    location / { return 200 "NAME\n"; }
    location /mib { alias DIRECTORY/mib; }
    location /long { alias DIRECTORY/long; limit_rate 2m; }
    location /drip { echo_duplicate 1 "drip\n"; echo_flush; echo_sleep 10; echo NAME; }
    location /slow { echo_sleep 1; echo NAME; }
    location /body { echo_read_request_body; echo NAME; }
    location /headers { return 200 "$http_x_forwarded_for $http_x_forwarded_proto\n"; }
  }
}
)";

}  // namespace

WebBackend::WebBackend(Lab& lab, const std::string& name) : host_(lab.Add(name)) {
  const std::string configuration = absl::StrReplaceAll(
      kConfiguration, {{"DIRECTORY", host_.directory()}, {"NAME", host_.name()}});
  for (const auto& [file, content] :
       {std::pair<std::string, std::string>("nginx.conf", configuration),
        std::pair<std::string, std::string>("mib", std::string(1 << 20, 'm')),
        std::pair<std::string, std::string>("long", std::string(size_t{16} << 20, 'l'))}) {
    const absl::Status written = WriteFile(absl::StrCat(host_.directory(), "/", file), content);
    if (!written.ok()) Die(std::string(written.message()));
  }
  Start();
}

std::string WebBackend::endpoint4() const { return absl::StrCat(host_.ip4(), ":", kPort); }
std::string WebBackend::endpoint6() const { return absl::StrCat("[", host_.ip6(), "]:", kPort); }

void WebBackend::Start() {
  nginx_ = host_.Start(
      {"nginx", "-c", absl::StrCat(host_.directory(), "/nginx.conf"), "-p", host_.directory()},
      "nginx.log");
  const std::string url = absl::StrCat("http://", endpoint4(), "/");
  const bool answers = Eventually(10s, [&] {
    return !nginx_.running() || host_.Run({"curl", "-sf", "-o", "/dev/null", url}).ok();
  });
  if (!answers || !nginx_.running()) {
    Die(absl::StrCat("nginx of ", name(), " does not answer; see ", host_.directory(),
                     "/nginx*.log\n",
                     ReadFile(absl::StrCat(host_.directory(), "/nginx.log")).value_or("")));
  }
}

void WebBackend::Kill() {
  nginx_.Signal(SIGKILL);
  nginx_.Wait(5s);
}

}  // namespace koi::lab
