// SPDX-License-Identifier: Apache-2.0
// The command line of koi-bench.
#include "bench/options.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/cases.h"
#include "bench/l4/l4_bench.h"

namespace koi::bench {
namespace {

constexpr int kRoundsMax = 100;

// Each of `words` that is none of `known`, in one sentence; empty: there is none.
std::string Unknown(const std::vector<std::string>& words, const std::vector<std::string>& known) {
  for (const std::string& word : words) {
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    std::string text = absl::StrCat("\"", word, "\" is none of");
    for (const std::string& each : known) absl::StrAppend(&text, " ", each);
    return text;
  }
  return "";
}

std::vector<std::string> CaseKeys() {
  std::vector<std::string> keys;
  for (const Case& one : Cases()) keys.emplace_back(one.key);
  return keys;
}

// Takes `flag` with its value into `options`; what is wrong with them, or nothing.
std::string Take(const std::string& flag, const std::string& value, Options& options) {
  const std::vector<std::string> words = absl::StrSplit(value, ',');
  if (flag == "--rounds") {
    const bool number = absl::SimpleAtoi(value, &options.rounds);
    return number && options.rounds >= 1 && options.rounds <= kRoundsMax
               ? ""
               : absl::StrCat("--rounds takes a number from 1 to ", kRoundsMax);
  }
  if (flag == "--cases") {
    options.cases = {words.begin(), words.end()};
    return options.what == "l4" ? Unknown(words, L4RowKeys()) : Unknown(words, CaseKeys());
  }
  if (flag == "--proxies") {
    const std::vector<std::string> known = options.proxies;
    options.proxies = words;
    return Unknown(words, known);
  }
  if (flag == "--scale") {
    return absl::SimpleAtod(value, &options.scale) && options.scale > 0
               ? ""
               : "--scale takes a number above 0";
  }
  return absl::StrCat("unknown: ", flag);
}

}  // namespace

std::optional<Options> ParseOptions(const std::vector<std::string>& arguments, std::string& error) {
  Options options;
  options.what = arguments.empty() ? "" : arguments[0];
  if (options.what == "tls") {
    options.proxies = {"koi", "haproxy", "haproxy_tcp", "nginx", "hitch"};
  } else if (options.what == "steer") {
    options.proxies = {"always", "elsewhere", "never", "no_xdp"};
    options.cases = {"full_ecdsa", "keepalive_1k", "body_100k", "plain_keepalive"};
  } else if (options.what != "l4") {
    error = "what to measure: tls, steer or l4";
    return std::nullopt;
  }
  for (size_t i = 1; i < arguments.size() && error.empty(); ++i) {
    if (arguments[i] == "--json") {
      options.json = true;
    } else if (arguments[i] == "--one-armed" && options.what == "tls") {
      options.one_armed = true;
    } else if (i + 1 == arguments.size()) {
      error = absl::StrCat("unknown, or without its value: ", arguments[i]);
    } else {
      error = Take(arguments[i], arguments[i + 1], options);
      ++i;
    }
  }
  if (!error.empty()) return std::nullopt;
  return options;
}

std::string Usage() {
  return "usage: tools/bench tls|steer|l4 [--rounds N] [--cases A,B] [--proxies A,B] [--scale X] "
         "[--one-armed] [--json]\n"
         "  tls            CPU time a request costs koi, haproxy, nginx and hitch\n"
         "  steer          and koi with the kernel's work on its packets, by the way they are "
         "steered\n"
         "  l4             CPU time a packet costs koi_xdp, and packets a second\n"
         "  --rounds N     how often each case is measured at each proxy, in turn (5)\n"
         "  --cases A,B    only these\n"
         "  --proxies A,B  only these (of steer: ways to steer); ratios need haproxy (never)\n"
         "  --scale X      times as many requests as usual\n"
         "  --one-armed    of tls: clients and backends reach a proxy on one interface\n"
         "  --json         the last line is one JSON object\n";
}

}  // namespace koi::bench
