// SPDX-License-Identifier: Apache-2.0
// The proxies that koi is compared with, from Debian's packages: one thread or one worker process,
// TLS 1.3 with X25519 and AES-128-GCM, connections to the backend kept and reused in HTTP, the
// forwarding headers that koi writes too, no access log, all else as they come.
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "bench/proxy.h"

namespace koi::bench {
namespace {

using std::chrono_literals::operator""s;

// Each connection in tcp mode holds two descriptors of at most 20,000.
constexpr char kHaproxyCommon[] = R"(global
  nbthread 1
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-curves X25519
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
)";

constexpr char kHaproxyHttp[] = R"(  mode http
  http-reuse always
  option forwardfor
frontend clients
  bind :443 ssl crt @ECDSA@
  bind :444 ssl crt @RSA@
  bind :80
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
  default_backend origin
backend origin
  server origin @ORIGIN@ check inter 2s
)";

constexpr char kHaproxyTcp[] = R"(  mode tcp
frontend clients
  bind :443 ssl crt @ECDSA@
  bind :444 ssl crt @RSA@
  bind :8443 ssl crt @ECDSA@
  default_backend origin
backend origin
  server origin @ORIGIN@ check inter 2s
)";

constexpr char kNginx[] = R"(load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user nobody nogroup;
worker_processes 1;
pid @DIRECTORY@/nginx.pid;
error_log @DIRECTORY@/nginx.error.log;
events { worker_connections 15000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 60s;
  keepalive_requests 10000000;
  client_body_temp_path @DIRECTORY@/body;
  proxy_temp_path @DIRECTORY@/proxy;
  fastcgi_temp_path @DIRECTORY@/fastcgi;
  uwsgi_temp_path @DIRECTORY@/uwsgi;
  scgi_temp_path @DIRECTORY@/scgi;
  proxy_max_temp_file_size 0;
  ssl_protocols TLSv1.3;
  ssl_ecdh_curve X25519;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  upstream origin {
    server @ORIGIN@;
    keepalive 64;
    keepalive_requests 10000000;
  }
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' '';
  }
  server {
    listen 443 ssl backlog=4096;
    listen 80 backlog=4096;
    ssl_certificate @ECDSA@;
    ssl_certificate_key @ECDSA@;
    include @DIRECTORY@/location.conf;
  }
  server {
    listen 444 ssl backlog=4096;
    ssl_certificate @RSA@;
    ssl_certificate_key @RSA@;
    include @DIRECTORY@/location.conf;
  }
}
stream {
  server {
    listen 8443 ssl backlog=4096;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve X25519;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_certificate @ECDSA@;
    ssl_certificate_key @ECDSA@;
    proxy_pass @ORIGIN@;
  }
}
)";

constexpr char kNginxLocation[] = R"(location / {
  proxy_pass http://origin;
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
}
)";

constexpr char kHitch[] = R"(frontend = { host = "*" port = "443" pem-file = "@ECDSA@" }
frontend = { host = "*" port = "444" pem-file = "@RSA@" }
frontend = { host = "*" port = "8443" pem-file = "@ECDSA@" }
backend = "[@ORIGIN_ADDRESS@]:@ORIGIN_PORT@"
workers = 1
backlog = 4096
tls-protos = TLSv1.3
ciphersuites = "TLS_AES_128_GCM_SHA256"
ecdh-curve = "X25519"
daemon = off
user = "nobody"
group = "nogroup"
log-level = 0
ocsp-dir = ""
)";

struct Package {
  const char* name;
  std::vector<std::pair<const char*, std::string>> files;  // its configuration first
  lab::Argv argv;                                          // CONFIG is the path of that
  std::vector<Offer> offers;
};

const std::vector<Package>& Packages() {
  static const std::vector<Package> packages = {
      {"haproxy",
       {{"haproxy.cfg", absl::StrCat(kHaproxyCommon, kHaproxyHttp)}},
       {"haproxy", "-db", "-f", "CONFIG"},
       {Offer::kEcdsa, Offer::kRsa, Offer::kPlain}},
      {"haproxy_tcp",
       {{"haproxy.cfg", absl::StrCat(kHaproxyCommon, kHaproxyTcp)}},
       {"haproxy", "-db", "-f", "CONFIG"},
       {Offer::kEcdsa, Offer::kRsa, Offer::kTunnel}},
      {"nginx",
       {{"nginx.conf", kNginx}, {"location.conf", kNginxLocation}},
       {"nginx", "-c", "CONFIG"},
       {Offer::kEcdsa, Offer::kRsa, Offer::kPlain, Offer::kTunnel}},
      {"hitch",
       {{"hitch.conf", kHitch}},
       {"hitch", "--config=CONFIG"},
       {Offer::kEcdsa, Offer::kRsa, Offer::kTunnel}},
  };
  return packages;
}

const Package& PackageOf(const std::string& name) {
  for (const Package& package : Packages()) {
    if (package.name == name) return package;
  }
  lab::Die(absl::StrCat("no such proxy: ", name));
}

class PackagedProxy : public Proxy {
 public:
  PackagedProxy(lab::Lab& lab, const Package& package, const ProxySettings& settings)
      : lab_(lab), package_(package), settings_(settings), host_(lab.Add(package.name)) {
    const size_t colon = settings.origin.rfind(':');
    for (const auto& [name, text] : package.files) {
      const std::string content =
          absl::StrReplaceAll(text, {{"@DIRECTORY@", host_.directory()},
                                     {"@ECDSA@", Combined(settings.ecdsa)},
                                     {"@RSA@", Combined(settings.rsa)},
                                     {"@ORIGIN@", settings.origin},
                                     {"@ORIGIN_ADDRESS@", settings.origin.substr(0, colon)},
                                     {"@ORIGIN_PORT@", settings.origin.substr(colon + 1)}});
      const absl::Status written = WriteFile(absl::StrCat(host_.directory(), "/", name), content);
      if (!written.ok()) lab::Die(std::string(written.message()));
    }
    PrepareTcp(lab, host_);
    PrepareWires(lab, host_, settings.arms, settings.peers_cpu);
  }

  const lab::Host& host() const override { return host_; }
  std::string address() const override { return host_.ip4(); }
  bool Offers(Offer offer) const override {
    const auto& offers = package_.offers;
    return std::find(offers.begin(), offers.end(), offer) != offers.end();
  }
  void Start() override {
    lab::Argv argv = package_.argv;
    for (std::string& word : argv) {
      word = absl::StrReplaceAll(
          word, {{"CONFIG", absl::StrCat(host_.directory(), "/", package_.files[0].first)}});
    }
    process_ = host_.Start(OnCpu(settings_.cpu, argv), "output.log");
  }
  void Stop() override {
    lab_.Echo(absl::StrCat("kill -TERM ", process_.pid()));
    process_.Signal(SIGTERM);
    if (process_.Wait(5s).has_value()) return;
    for (const int pid : Pids(lab_)) ::kill(pid, SIGKILL);
  }
  std::string LogTail() const override {
    return ReadFile(absl::StrCat(host_.directory(), "/output.log")).value_or("");
  }

 private:
  // Certificate and key in one file, as all of these want it.
  std::string Combined(const lab::Certificate& certificate) const {
    const std::string path = absl::StrCat(certificate.chain, ".both");
    const std::string both = absl::StrCat(ReadFile(certificate.chain).value_or(""),
                                          ReadFile(certificate.key).value_or(""));
    const absl::Status written = WriteFile(path, both);
    if (!written.ok()) lab::Die(std::string(written.message()));
    return path;
  }

  const lab::Lab& lab_;
  const Package& package_;
  const ProxySettings settings_;
  lab::Host& host_;
  lab::Process process_;
};

}  // namespace

std::unique_ptr<Proxy> MakePackaged(lab::Lab& lab, const std::string& name,
                                    const ProxySettings& settings) {
  return std::make_unique<PackagedProxy>(lab, PackageOf(name), settings);
}

}  // namespace koi::bench
