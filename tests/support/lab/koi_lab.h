// SPDX-License-Identifier: Apache-2.0
// The lab that most tests and the demo want: two koi hosts in front of web servers.
//
//   client ──┬── blue   koi, preferred     VIPs 10.9.0.100 and fd00:9::100 on the master
//            ├── red    koi
//            ├── web-1  in pool "web", by its IPv4 address
//            ├── web-2  in pool "web", by its IPv6 address
//            └── web-3  in no pool yet
#pragma once

#include <string>
#include <vector>

#include "support/lab/balancer.h"
#include "support/lab/http_client.h"
#include "support/lab/lab.h"
#include "support/lab/web_backend.h"

namespace koi::lab {

// UCARP's time to notice a lost master is three adverts: 3 s, plus 3 x 10/256 s for red.
constexpr Duration kDeadTime = std::chrono::milliseconds(3120);

struct KoiLabOptions {
  AtEnd at_end = AtEnd::kTakeDown;
  std::string xdp_mode = "auto";
};

class KoiLab {
 public:
  explicit KoiLab(const KoiLabOptions& options = {});

  // Starts blue; true once it is master and serves, both backends up.
  bool StartBlue();
  // The same, and then red beside it; true once that is backup.
  bool StartBoth();
  // Asks the VIP (or any URL) from the client, over a connection of its own.
  HttpAnswer Get(const std::string& url) const;

  // The URL of `path` at a VIP: Url4("https", "/") is https://10.9.0.100/.
  static std::string Url4(const std::string& scheme, const std::string& path);
  static std::string Url6(const std::string& scheme, const std::string& path);

  Lab lab;
  Host& client;
  const Certificate certificate;
  WebBackend web_1;
  WebBackend web_2;
  WebBackend web_3;
  Balancer blue;
  Balancer red;
};

}  // namespace koi::lab
