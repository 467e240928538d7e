// SPDX-License-Identifier: Apache-2.0
// What is said of which mistake: where it is, what is wrong, and what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "config/schema.h"
#include "config_text.h"

namespace koi {
namespace {

struct Mistake {
  const char* right;  // in kSmallConfig
  const char* wrong;  // in its place
  const char* errors;
};

#define TLS_SERVICE \
  "pool = \"web\"\ntls = \"terminate\"\ncertificates = [{ chain = \"a\", key = \"b\" }]\n"

constexpr Mistake kMistakes[] = {
    // Syntax: the first mistake of a file, as the TOML parser sees it.
    {"vhid = 42", "vhid 42", "5:6: syntax error: key-value pair: expected '=', saw '4'"},
    {"vhid = 42", "vhid =", R"(5:7: syntax error: key-value pair: expected value, saw '\n')"},
    {"vhid = 42", "vhid = 042",
     "5:11: syntax error: decimal integer: leading zeroes are prohibited"},
    {"vhid = 42", "vhid = 99999999999999999999",
     "5:28: syntax error: decimal integer: '99999999999999999999' is not representable in 64 bits"},
    {R"("eth0")", "eth0",
     "3:13: syntax error: value: could not determine value type; a text stands in quotes"},
    {R"("eth0")", R"("eth0)",
     "3:18: syntax error: string: unescaped control characters other than TAB (U+0009) are "
     "explicitly prohibited; is a closing quote missing?"},
    {R"("eth0")", "false0",
     "3:18: syntax error: boolean: expected value-terminator, saw '0'; a text stands in quotes"},
    {R"("eth0")", "\"eth0\" # \x01",
     "3:22: syntax error: comment: control characters other than TAB (U+0009) are explicitly "
     "prohibited in comments"},
    {"[node]", "[node", R"(2:6: syntax error: table header: expected ']', saw '\n')"},
    {"[[pool]]", "[[pool]", R"(13:8: syntax error: table header: expected ']', saw '\n')"},
    {"[[pool]]", "[]",
     "13:2: syntax error: table header: tables with blank bare keys are explicitly prohibited"},
    {"vhid = 42", "vhid = 42\nvhid = 43",
     "6:8: syntax error: key-value pair: cannot redefine existing integer 'vhid'"},
    {"[[vip]]", "[node]\n[[vip]]",
     "7:1: syntax error: table header: cannot redefine existing table 'node'"},
    {"[[pool]]", "[pool]\nname = \"x\"\n[[pool]]",
     "15:1: syntax error: table header: cannot redefine existing table 'pool' as array-of-tables"},
    // Tables and keys that do not exist, or stand elsewhere.
    {"version = 1\n", "", "1:1: version is missing; this format is version = 1"},
    {"version = 1", "version = 2", "1:11: version 2 is not the number 1"},
    {"version = 1", R"(version = "1")", R"(1:11: version "1" is text, not the number 1)"},
    {"[node]\ninterface = \"eth0\"\n", "",
     R"(1:1: [node] is missing; it names the interface, as interface = "eth0")"},
    {"interface = \"eth0\"\n", "",
     R"(2:1: [node] lacks "interface": an interface's name of 1 to 15 bytes)"},
    {"vhid = 42", "vhid = 42\nadvskeww = 1",
     R"(6:1: unknown key "advskeww" in [[carp]]; did you mean "advskew"?)"},
    {"vhid = 42", "VHID = 42", R"(5:1: unknown key "VHID" in [[carp]]; did you mean "vhid"?)"},
    {"backend = [", "check = { intervall = \"1s\" }\nbackend = [",
     R"(15:11: unknown key "intervall" in check of [[pool]]; did you mean "interval"?)"},
    {"backend = [", "backends = [",
     R"(15:1: unknown key "backends" in [[pool]]; did you mean "backend"?)"},
    {"backend = [", "advskew = 1\nbackend = [",
     R"(15:1: unknown key "advskew" in [[pool]]; it is a key of [[carp]])"},
    {"[node]", "interface = \"eth0\"\n[node]",
     R"(2:1: unknown key "interface"; it is a key of [node])"},
    {"[[pool]]", "[[servise]]\n[[pool]]",
     R"(13:3: unknown table "servise"; did you mean [[service]]?)"},
    {"[[pool]]", "[frontend]\n[[pool]]", R"(13:2: unknown table "frontend")"},
    {"[node]", "[[node]]", "2:1: node is a list; it is one table: [node]"},
    {"[[vip]]", "[vip]", "7:1: vip is a table; there may be several tables: [[vip]]"},
    {"[[service]]", "[service]",
     "9:1: service is a table; there may be several tables: [[service]]"},
    {"backend = [", "check = \"tcp\"\nbackend = [",
     "15:9: check is text; it is one table: check = { ... }"},
    {R"(backend = [{ name = "web-1", address = "10.0.2.11:8080" }])",
     R"(backend = ["10.0.2.11:8080"])",
     "15:11: backend is a list of other things; there may be several tables: backend = [{ ... }]"},
    // Values of another type, or out of range.
    {"vhid = 42", R"(vhid = "42")", R"(5:8: vhid "42" is text, not a number from 1 to 255)"},
    {"vhid = 42", "vhid = 42.0", "5:8: vhid is a fraction, not a number from 1 to 255"},
    {"vhid = 42", "vhid = 2026-01-01", "5:8: vhid is a date, not a number from 1 to 255"},
    {"vhid = 42", "vhid = [42]", "5:8: vhid is a list, not a number from 1 to 255"},
    {"vhid = 42", "vhid = 0", "5:8: vhid 0 is not a number from 1 to 255"},
    {"vhid = 42", "vhid = 256", "5:8: vhid 256 is not a number from 1 to 255"},
    {"vhid = 42", "vhid = 42\nadvskew = 255", "6:11: advskew 255 is not a number from 0 to 254"},
    {"vhid = 42", "vhid = 42\nadvskew = -1", "6:11: advskew -1 is not a number from 0 to 254"},
    {"vhid = 42", "vhid = 42\nadvbase = 0", "6:11: advbase 0 is not a number from 1 to 255"},
    {"vhid = 42", "vhid = 42\npreempt = 1", "6:11: preempt is a number, not true or false"},
    {"vhid = 42", "vhid = 42\npreempt = \"yes\"",
     R"(6:11: preempt "yes" is text, not true or false)"},
    {R"(8080" })", R"(8080", weight = 0 })", "15:67: weight 0 is not a number from 1 to 1000"},
    {R"(8080" })", R"(8080", weight = 1001 })",
     "15:67: weight 1001 is not a number from 1 to 1000"},
    {R"("eth0")", R"("a-long-interface")",
     R"(3:13: interface "a-long-interface" is not an interface's name of 1 to 15 bytes)"},
    {R"("eth0")", R"("eth/0")",
     R"(3:13: interface "eth/0" is not an interface's name of 1 to 15 bytes)"},
    {R"("eth0")", R"("")", R"(3:13: interface "" is not an interface's name of 1 to 15 bytes)"},
    {"[node]", "[node]\nrun = \"run/koi\"",
     R"(3:7: run "run/koi" is not an absolute path of at most 90 bytes)"},
    {R"("web-1")", R"("web 1")",
     R"(15:21: name "web 1" is not a name of 1 to 31 letters, digits, "_", "." or "-")"},
    {R"("web-1")", R"("12345678901234567890123456789012")",
     R"(15:21: name "12345678901234567890123456789012" is not a name of 1 to 31 letters, digits, "_", "." or "-")"},
    // Durations and choices.
    {"backend = [", "check = { interval = \"2\" }\nbackend = [",
     R"(15:22: interval "2" is not a duration, as "500ms", "2s" or "1m")"},
    {"backend = [", "check = { interval = 2 }\nbackend = [",
     R"(15:22: interval is a number, not a duration from "100ms" to "1h")"},
    {"backend = [", "check = { interval = \"1.5s\" }\nbackend = [",
     R"(15:22: interval "1.5s" is not a duration, as "500ms", "2s" or "1m")"},
    {"backend = [", "check = { interval = \"0s\" }\nbackend = [",
     R"(15:22: interval "0s" is not a duration from "100ms" to "1h")"},
    {"backend = [", "check = { interval = \"2h\" }\nbackend = [",
     R"(15:22: interval "2h" is not a duration from "100ms" to "1h")"},
    {"backend = [", "check = { interval = \"1s\", timeout = \"2s\" }\nbackend = [",
     "15:38: timeout 2.0s is longer than interval 1.0s"},
    {"backend = [", "check = { tcp = false }\nbackend = [",
     "15:17: tcp false leaves nothing to check; a check is tcp = true"},
    {"backend = [", "check = { rise = 0 }\nbackend = [",
     "15:18: rise 0 is not a number from 1 to 100"},
    {"backend = [", "balance = \"leastconn\"\nbackend = [",
     R"(15:11: balance "leastconn" is not one of: round-robin, least-connections, random-two)"},
    {"backend = [", "slow_start = \"2h\"\nbackend = [",
     R"(15:14: slow_start "2h" is not a duration from "0s" to "1h")"},
    {R"(pool = "web")", "mode = \"htp\"\npool = \"web\"",
     R"(12:8: mode "htp" is not one of: http, tcp, l4; did you mean "http"?)"},
    {R"(pool = "web")", "mode = \"HTTP\"\npool = \"web\"",
     R"(12:8: mode "HTTP" is not one of: http, tcp, l4; did you mean "http"?)"},
    {R"(pool = "web")", "tls = \"pass\"\npool = \"web\"",
     R"(12:7: tls "pass" is not one of: off, terminate, passthrough)"},
    {R"(pool = "web")", "tls = \"passthrough\"\npool = \"web\"",
     R"(12:7: service "web" passes TLS on, so it sees no requests; that is mode = "tcp")"},
    {R"(pool = "web")", "mode = \"tcp\"\ntls = \"passthrough\"\nself_signed = true\npool = \"web\"",
     R"(14:15: service "web" is self_signed, but tls is "passthrough"; did you mean "terminate"?)"},
    {"pool = \"web\"\n[[pool]]",
     "mode = \"tcp\"\ntls = \"passthrough\"\npool = \"web\"\nroute = [{ sni = [\"a.example\"], "
     "pool "
     "= \"web\" }]\n[[pool]]\ntls = {}",
     R"(14:8: service "web" passes TLS on, and pool "web" speaks TLS itself: backends would get TLS in TLS; use a pool without tls, or tls = "terminate"
15:40: route of service "web" passes TLS on, and pool "web" speaks TLS itself: backends would get TLS in TLS; use a pool without tls, or tls = "terminate")"},
    {R"(pool = "web")", "pool = \"web\"\nroute = [{ sni = [\"a.example\"], pool = \"web\" }]",
     R"(13:10: service "web" has a route, but tls is "off"; did you mean "passthrough"?)"},
    {R"(pool = "web")",
     "mode = \"tcp\"\ntls = \"passthrough\"\nroute = [{ sni = [\"a.example\", \"A.example\"], pool "
     "= "
     "\"wbe\" }]",
     R"(14:32: sni "a.example" of service "web" is already used at koi.toml:14
14:53: route of service "web" names pool "wbe", which does not exist; did you mean "web"?)"},
    {R"(pool = "web")",
     "mode = \"tcp\"\ntls = \"passthrough\"\nroute = [{ sni = [\"a.example:443\", \"a.*\"], pool = "
     "\"web\" }]",
     R"(14:19: "a.example:443" is not the name of a host, as "a.example" or "*.b.example"; did you mean "a.example"?
14:36: "a.*" is not the name of a host, as "a.example" or "*.b.example")"},
    {R"(pool = "web")", "accept_proxy = []\npool = \"web\"",
     "12:16: accept_proxy is empty; it takes a list of ADDRESS/LENGTH"},
    {"backend = [", "send_proxy = \"v3\"\nbackend = [",
     R"(15:14: send_proxy "v3" is not one of: off, v1, v2; did you mean "v1"?)"},
    {"[node]", "[xdp]\nsteer = \"cpumap\"\n[node]",
     R"(3:9: steer "cpumap" is not one of: always, elsewhere, never)"},
    {"[node]", "[xdp]\nmode = \"nativ\"\n[node]",
     R"(3:8: mode "nativ" is not one of: auto, native, generic; did you mean "native"?)"},
    // Time-outs and limits.
    {R"(pool = "web")", "timeouts = { idel = \"1s\" }\npool = \"web\"",
     R"(12:14: unknown key "idel" in timeouts of [[service]]; did you mean "idle"?)"},
    {R"(pool = "web")", "timeouts = { head = \"1ms\" }\npool = \"web\"",
     R"(12:21: head "1ms" is not a duration from "100ms" to "1h")"},
    {R"(pool = "web")", "timeouts = \"1m\"\npool = \"web\"",
     "12:12: timeouts is text; it is one table: timeouts = { ... }"},
    {R"(pool = "web")", "limits = { head_bytes = 65536 }\npool = \"web\"",
     "12:25: head_bytes 65536 is not a number from 512 to 32000"},
    {R"(pool = "web")", "limits = { body_bytes = 0 }\npool = \"web\"",
     "12:25: body_bytes 0 is not a number from 1 to 1125899906842624"},
    {"backend = [", "timeouts = { handshake = \"1s\" }\nbackend = [",
     R"(15:14: unknown key "handshake" in timeouts of [[pool]]; it is a key of timeouts of [[service]])"},
    // What only mode = "http" understands, and whom it believes.
    {"[[pool]]", "[[pool]]\ntls = { verify = false, ca = \"ca.pem\" }",
     "14:30: ca is of no use with verify = false"},
    {"[[pool]]", "[[pool]]\ntls = { verify = false, name = \"a.example\" }",
     "14:32: name is of no use with verify = false"},
    {"[[pool]]", "[[pool]]\ntls = { name = \"a b\" }",
     "14:16: name \"a b\" is no DNS name and no address"},
    {"[[pool]]", "[[pool]]\ntls = { sni = \"10.0.0.1\" }",
     "14:15: sni \"10.0.0.1\" is no DNS name"},
    {"[[pool]]", "[[pool]]\ntls = { sni = \"a\", sni_from = \"host\" }",
     "14:31: there are sni and sni_from; one of both is enough"},
    {"[[pool]]", "[[pool]]\ntls = { min_version = \"1.3\", max_version = \"1.2\" }",
     "14:23: min_version is above max_version"},
    {"[[pool]]", "[[pool]]\ntls = { key = \"a.key\" }",
     "14:7: certificate and key of a pool's tls belong together; one is missing"},
    {R"(pool = "web")", "forwarded = \"x-forward\"\npool = \"web\"",
     R"(12:13: forwarded "x-forward" is not one of: x-forwarded, rfc7239, both, off; did you mean "x-forwarded"?)"},
    {R"(pool = "web")", "mode = \"tcp\"\nforwarded = \"off\"\npool = \"web\"",
     R"(13:13: service "web" has forwarded, which is for mode = "http")"},
    {R"(pool = "web")", "mode = \"tcp\"\nrequest_id = \"return\"\npool = \"web\"",
     R"(13:14: service "web" has request_id, which is for mode = "http")"},
    {R"(pool = "web")", "mode = \"tcp\"\nupgrade = \"any\"\npool = \"web\"",
     R"(13:11: service "web" has upgrade, which is for mode = "http")"},
    {R"(pool = "web")", "trusted_proxies = [\"10.0.0.1/8\"]\npool = \"web\"",
     R"(12:20: "10.0.0.1/8" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32; did you mean "10.0.0.0/8"?)"},
    {R"(pool = "web")", "trusted_proxies = [\"lb.example\"]\npool = \"web\"",
     R"(12:20: "lb.example" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32)"},
    {R"(pool = "web")", "trusted_proxies = [1]\npool = \"web\"",
     "12:20: trusted_proxies holds a number; it takes a list of ADDRESS/LENGTH"},
    {"backend = [", "limits = { connections = -1 }\nbackend = [",
     "15:26: connections -1 is not a number from 0 to 1000000"},
    {"backend = [", "limits = { queue = 2000000 }\nbackend = [",
     "15:20: queue 2000000 is not a number from 0 to 1000000"},
    {"backend = [", "limits = { idle_connections = 1025 }\nbackend = [",
     "15:31: idle_connections 1025 is not a number from 0 to 1024"},
    {R"(8080" })", R"(8080", max_connections = 0 })",
     "15:76: max_connections 0 is not a number from 1 to 1000000"},
    // Addresses and ports.
    {R"(address = "10.0.1.201")", R"(address = "10.0.1")",
     R"(8:11: address "10.0.1" is not an IPv4 or IPv6 address)"},
    {R"(address = "10.0.1.201")", R"(address = "10.0.1.201/24")",
     R"(8:11: address "10.0.1.201/24" is not an IPv4 or IPv6 address; did you mean "10.0.1.201"?)"},
    {R"(address = "10.0.1.201")", R"(address = "10.0.1.201:80")",
     R"(8:11: address "10.0.1.201:80" is not an IPv4 or IPv6 address; did you mean "10.0.1.201"?)"},
    {R"(address = "10.0.1.201")", R"(address = "vip.example")",
     R"(8:11: address "vip.example" is not an IPv4 or IPv6 address; names are not looked up, write its address)"},
    {R"(address = "10.0.1.201")", R"(address = "fe80::1%eth0")",
     R"(8:11: address "fe80::1%eth0" is not an IPv4 or IPv6 address; did you mean "fe80::1"?)"},
    {R"(address = "10.0.1.201")", R"(address = "[2001:db8::1]")",
     R"(8:11: address "[2001:db8::1]" is not an IPv4 or IPv6 address; did you mean "2001:db8::1"?)"},
    {R"(address = "10.0.1.201")", R"(address = "10.0.1.201\u0000")",
     R"(8:11: address "10.0.1.201\000" is not an IPv4 or IPv6 address)"},
    {"10.0.1.201", "0.0.0.0", R"(8:11: address "0.0.0.0" cannot be a VIP: it is not of one host)"},
    {"10.0.1.201", "127.0.0.1",
     R"(8:11: address "127.0.0.1" cannot be a VIP: it is not of one host)"},
    {"10.0.1.201", "224.0.0.18",
     R"(8:11: address "224.0.0.18" cannot be a VIP: it is not of one host)"},
    {"10.0.2.11:8080", "10.0.2.11",
     R"(15:40: "10.0.2.11" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; its port is missing)"},
    {"10.0.2.11:8080", "10.0.2.11:0", R"(15:40: port "0" is not a number from 1 to 65535)"},
    {"10.0.2.11:8080", "10.0.2.11:70000", R"(15:40: port "70000" is not a number from 1 to 65535)"},
    {"10.0.2.11:8080", "10.0.2.11:http", R"(15:40: port "http" is not a number from 1 to 65535)"},
    {"10.0.2.11:8080", "10.0.2.11/24:8080",
     R"(15:40: "10.0.2.11/24" is not an IPv4 or IPv6 address; did you mean "10.0.2.11"?)"},
    {"10.0.2.11:8080", "010.0.2.11:8080", R"(15:40: "010.0.2.11" is not an IPv4 or IPv6 address)"},
    {"10.0.2.11:8080", "web.example:8080",
     R"(15:40: "web.example" is not an IPv4 or IPv6 address; names are not looked up, write its address)"},
    {"10.0.2.11:8080", "http://10.0.2.11:8080/",
     R"(15:40: "http://10.0.2.11:8080/" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; did you mean "10.0.2.11:8080"?)"},
    {"10.0.2.11:8080", "2001:db8::1:8080",
     R"(15:40: "2001:db8::1:8080" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; did you mean "[2001:db8::1]:8080"?)"},
    {"10.0.2.11:8080", "[2001:db8::1]",
     R"(15:40: "[2001:db8::1]" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; its port is missing)"},
    {"10.0.2.11:8080", "[10.0.2.11]:8080",
     R"(15:40: "[10.0.2.11]:8080" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; did you mean "10.0.2.11:8080"?)"},
    {"10.0.2.11:8080", "", R"(15:40: "" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80)"},
    {"10.0.2.11:8080", ":8080",
     R"(15:40: ":8080" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80)"},
    {R"("10.0.1.201:80")", R"("10.0.1.201:*")",
     R"(11:11: service "web" listens on 10.0.1.201:*, any port, which is for mode = "l4")"},
    {R"(pool = "web")", "protocols = [\"tcp\"]\npool = \"web\"",
     R"(12:13: service "web" has protocols, which is for mode = "l4")"},
    {"backend = [", "ring_size = 65537\nbackend = [",
     R"(15:13: pool "web" has ring_size, which is for pools of l4 services; these have forward = "dsr" or forward = "ipip")"},
    {R"("10.0.1.201:80")", R"("*:80")", R"(11:11: "*" is not an IPv4 or IPv6 address)"},
    {R"("10.0.1.201:80")", "80", "11:11: listen holds a number; it takes a list of ADDRESS:PORT"},
    {R"(["10.0.1.201:80"])", "[]", "11:10: listen is empty; it takes a list of ADDRESS:PORT"},
    {R"(["10.0.1.201:80"])", R"("10.0.1.201:80")",
     R"(11:10: listen "10.0.1.201:80" is text, not a list of ADDRESS:PORT)"},
    {"vhid = 42", "vhid = 42\nsource = \"2001:db8::1\"",
     R"(6:10: source "2001:db8::1" is not the IPv4 address of a host)"},
    // Passwords and files.
    {R"(password_file = "carp.key")", R"(password = "12345678901234567890")",
     "6:12: password is 20 bytes; CARP takes 1 to 19"},
    {R"(password_file = "carp.key")", R"(password = "")",
     "6:12: password is 0 bytes; CARP takes 1 to 19"},
    {R"(password_file = "carp.key")", "password = 12345", "6:12: password is a number, not text"},
    {"carp.key", "long", "6:17: password_file holds a password of 20 bytes; CARP takes 1 to 19"},
    {"carp.key", "empty", "6:17: password_file holds a password of 0 bytes; CARP takes 1 to 19"},
    {"carp.key", "/none", "6:17: password_file: cannot open /none: No such file or directory"},
    {R"(password_file = "carp.key")", "password_file = \"carp.key\"\npassword = \"x\"",
     "7:12: password and password_file are both set; one of them is enough"},
    {"password_file = \"carp.key\"\n", "",
     R"(4:1: [[carp]] lacks "password_file": the file whose first line is the password)"},
    {"[[pool]]", "[stats]\nlisten = \"127.0.0.1:8404\"\nauth = \"admin\"\n[[pool]]",
     "15:8: auth does not hold user:password"},
    {"[[pool]]", "[stats]\nlisten = \"127.0.0.1:8404\"\nauth_file = \"no-colon\"\n[[pool]]",
     "15:13: auth_file does not hold user:password"},
    {"[[pool]]",
     "[stats]\nlisten = \"127.0.0.1:8404\"\nauth = \"a:b\"\nauth_file = \"x\"\n[[pool]]",
     "15:8: auth and auth_file are both set; one of them is enough"},
    {"[[pool]]", "[stats]\n[[pool]]",
     R"(13:1: [stats] lacks "listen": ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80)"},
    // What refers to something else, and what is there twice.
    {R"(pool = "web")", R"(pool = "wbe")",
     R"(12:8: service "web" names pool "wbe", which does not exist; did you mean "web"?)"},
    {R"("10.0.1.201:80")", R"("10.0.1.202:80")",
     R"(11:11: service "web" listens on 10.0.1.202:80, but 10.0.1.202 is the address of no [[vip]]; did you mean 10.0.1.201?)"},
    {R"("10.0.1.201:80")", R"("10.0.1.201:80", "10.0.1.201:80")",
     "11:28: 10.0.1.201:80 is already used at koi.toml:11"},
    {"[[pool]]", "[stats]\nlisten = \"10.0.1.201:80\"\nauth = \"a:b\"\n[[pool]]",
     "14:10: 10.0.1.201:80 is already used at koi.toml:11"},
    {"[[service]]", "[[carp]]\nvhid = 42\npassword_file = \"carp.key\"\n[[service]]",
     "7:1: [[vip]] lacks \"group\": there are 2 groups, with vhid 42, 42\n10:8: vhid 42 is already "
     "used at koi.toml:5"},
    {"[[carp]]\nvhid = 42\npassword_file = \"carp.key\"\n", "",
     "4:1: [[vip]] has no group: there is no [[carp]]"},
    {"[[vip]]", "[[vip]]\ngroup = 43", "8:9: group 43 is the vhid of no [[carp]]"},
    {"[[service]]", "[[vip]]\naddress = \"10.0.1.201\"\n[[service]]",
     "10:11: VIP 10.0.1.201 is already used at koi.toml:8"},
    {"backend = [", "[[pool]]\nname = \"web\"\nbackend = [",
     R"(16:8: pool name "web" is already used at koi.toml:14)"},
    {"[[pool]]",
     "[[service]]\nname = \"web\"\nlisten = [\"10.0.1.201:81\"]\npool = \"web\"\n[[pool]]",
     R"(14:8: service name "web" is already used at koi.toml:10)"},
    {R"(8080" })", R"(8080" }, { name = "web-1", address = "10.0.2.12:8080" })",
     R"(15:69: backend name "web-1" is already used at koi.toml:15)"},
    {R"(8080" })", R"(8080" }, { name = "web-2", address = "10.0.2.11:8080" })",
     "15:88: backend address 10.0.2.11:8080 is already used at koi.toml:15"},
    {"[[service]]",
     "[[carp]]\nvhid = 43\npassword_file = \"carp.key\"\n[[vip]]\ngroup = 43\naddress = "
     "\"2001:db8::1\"\n[[service]]",
     R"(7:1: [[vip]] lacks "group": there are 2 groups, with vhid 42, 43)"},
    // What a service needs for its mode.
    {"pool = \"web\"\n", "", R"(9:1: service "web" lacks pool = "NAME" or redirect = "https")"},
    {"pool = \"web\"\n", "mode = \"tcp\"\n", R"(9:1: service "web" lacks pool = "NAME")"},
    {"pool = \"web\"\n", "mode = \"tcp\"\nredirect = \"https\"\n",
     R"(13:12: service "web" redirects requests, which only mode = "http" understands)"},
    {"pool = \"web\"\n", "pool = \"web\"\nredirect = \"https\"\n",
     R"(12:8: service "web" redirects every request, so its pool would never be used)"},
    {"pool = \"web\"\n", "tls = \"terminate\"\npool = \"web\"\n",
     R"(12:7: service "web" terminates TLS and lacks certificates = [{ chain = "FILE", key = "FILE" }], or self_signed = true)"},
    {"pool = \"web\"\n", "tls = \"terminate\"\npool = \"web\"\ncertificates = []\n",
     R"(14:16: service "web" has an empty list of certificates; at least one is needed)"},
    {"pool = \"web\"\n", "certificates_folder = \"a\"\npool = \"web\"\n",
     R"(12:23: service "web" has certificates, but tls is "off"; did you mean "terminate"?)"},
    {"pool = \"web\"\n", "tls_options = { strict_sni = true }\npool = \"web\"\n",
     R"(12:15: service "web" has tls_options, but tls is not "terminate", so nobody would use them)"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { min_version = \"1.1\" }\n",
     R"(15:31: min_version "1.1" is not one of: 1.2, 1.3; did you mean "1.2"?)"},
    {"pool = \"web\"\n",
     TLS_SERVICE "tls_options = { min_version = \"1.3\", max_version = \"1.2\" }\n",
     R"(15:31: min_version "1.3" is above max_version "1.2")"},
    {"pool = \"web\"\n",
     TLS_SERVICE "tls_options = { tls12_ciphers = \"ECDHE-RSA-AES128-GCM-SHA265\" }\n",
     R"(15:33: tls12_ciphers has "ECDHE-RSA-AES128-GCM-SHA265", which koi does not offer; did you mean "ECDHE-RSA-AES128-GCM-SHA256"?)"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { tls13_ciphers = \"RC4\" }\n",
     R"(15:33: tls13_ciphers has "RC4", which koi does not offer; it knows TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256)"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { groups = \"X25519:P256\" }\n",
     R"(15:26: groups has "P256", which koi does not offer; did you mean "P-256"?)"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { alpn = \"h2\" }\n",
     R"(15:24: alpn is for mode = "tcp"; mode = "http" offers what it speaks)"},
    {"pool = \"web\"\n", TLS_SERVICE "mode = \"tcp\"\ntls_options = { alpn = \"h2,\" }\n",
     R"(16:24: alpn names no protocol between two commas; write it as "h2,http/1.1")"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { client_ca = \"a\" }\n",
     R"(15:29: client_ca is of no use while client_certificates is "off"; did you mean "required"?)"},
    {"pool = \"web\"\n", TLS_SERVICE "tls_options = { client_certificates = \"optional\" }\n",
     R"(15:39: client_certificates is "optional" and lacks client_ca = "FILE", the authorities that issue them)"},
    {"version = 1", "version = 1\ntickets = { rotation = \"1s\" }",
     R"(2:24: rotation "1s" is not a duration from "1m" to "168h")"},
    {"version = 1", "version = 1\ntickets = { secret_file = \"carp.key\" }",
     R"(2:27: secret_file: its first line has 8 bytes; at least 32 are needed, as "openssl rand -hex 32" makes them)"},
    {"pool = \"web\"\n",
     "tls = \"terminate\"\nredirect = \"https\"\ncertificates = [{ chain = \"a\", key = \"b\" }]\n",
     R"(13:12: service "web" redirects to https, which it is itself; redirect is for tls = "off")"},
    {"pool = \"web\"\n", "certificates = [{ chain = \"a\", key = \"b\" }]\npool = \"web\"\n",
     R"(12:16: service "web" has certificates, but tls is "off"; did you mean "terminate"?)"},
    {"pool = \"web\"\n",
     "tls = \"terminate\"\ncertificates = [{ chain = \"a\" }]\npool = \"web\"\n",
     R"(13:17: certificates of [[service]] lacks "key": the path of a file)"},
    {"pool = \"web\"\n", "self_signed = true\npool = \"web\"\n",
     R"(12:15: service "web" is self_signed, but tls is "off"; did you mean "terminate"?)"},
    {"pool = \"web\"\n",
     "tls = \"terminate\"\nself_signed = true\npool = \"web\"\ncertificates = [{ chain = \"a\", "
     "key "
     "= \"b\" }]\n",
     R"(15:16: service "web" has certificates and is self_signed; one of both is enough)"},
    {"pool = \"web\"\n", "mode = \"tcp\"\nwhen_empty = \"welcome\"\npool = \"web\"\n",
     R"(13:14: service "web" has no requests to welcome; when_empty is for mode = "http" with a pool)"},
};

// Likewise, in kL4Config.
constexpr Mistake kL4Mistakes[] = {
    {"forward = \"dsr\"\n", "",
     R"(16:8: service "dns" has mode = "l4", and pool "dns" does not say how packets reach its backends: it lacks forward = "dsr" or forward = "ipip")"},
    {R"("dsr")", R"("gue")", R"(19:11: forward "gue" is not one of: dsr, ipip)"},
    {R"(mode = "l4")", R"(mode = "tcp")",
     R"(16:8: service "dns" has mode = "tcp", and pool "dns" has forward = "dsr", which is for mode = "l4")"},
    {R"(mode = "l4")", "mode = \"l4\"\ntls = \"terminate\"",
     R"(15:7: service "dns" has tls, and mode = "l4": packets are sent on as they come, koi ends no connection)"},
    {R"(mode = "l4")", "mode = \"l4\"\ntimeouts = { idle = \"1s\" }",
     R"(15:12: service "dns" has timeouts, and mode = "l4": packets are sent on as they come, koi ends no connection)"},
    {R"(mode = "l4")", "mode = \"l4\"\naccess_log = \"stdout\"",
     R"(15:14: service "dns" has access_log, and mode = "l4": packets are sent on as they come, koi ends no connection)"},
    {"pool = \"dns\"\n", "", R"(12:1: service "dns" lacks pool = "NAME")"},
    {R"(mode = "l4")", "mode = \"l4\"\nprotocols = [\"tcp\", \"sctp\"]",
     R"(15:21: protocols has "sctp", which is not one of: tcp, udp)"},
    {R"(mode = "l4")", "mode = \"l4\"\nprotocols = [\"udp\", \"udp\"]",
     R"(15:21: protocols has "udp" twice)"},
    {R"(mode = "l4")", "mode = \"l4\"\nprotocols = []",
     "15:13: protocols is empty; it takes a list of: tcp, udp"},
    {R"("10.0.1.201:53")", R"("10.0.1.201:53", "10.0.1.201:*", "10.0.1.201:*")",
     "15:44: 10.0.1.201:* is already used at koi.toml:15"},
    {R"(listen = ["10.0.1.201:53"])",
     "protocols = [\"udp\"]\nlisten = [\"10.0.1.201:53\", \"10.0.1.201:53\"]",
     "16:28: 10.0.1.201:53/udp is already used at koi.toml:16"},
    {R"("10.0.1.201:53")", R"("10.0.1.202:*")",
     R"(15:11: service "dns" listens on 10.0.1.202:*, but 10.0.1.202 is the address of no [[vip]]; did you mean 10.0.1.201?)"},
    {R"("10.0.1.201:53")", R"("*:*")", R"(15:11: "*" is not an IPv4 or IPv6 address)"},
    {R"("10.0.1.201:53")", R"("[fd00:1::201]:53")",
     R"(15:11: service "dns" listens on [fd00:1::201]:53, and backend "dns-1" of pool "dns" is at 10.0.2.11: with forward = "dsr" both are of one family; forward = "ipip" takes either)"},
    {"10.0.2.11:53", "10.0.1.201:53",
     "20:40: a backend cannot be at 10.0.1.201, which is a VIP: it has that too, but packets are "
     "sent "
     "to an address of its own"},
    {R"(53" })", R"(53" }, { name = "dns-2", address = "10.0.2.11:54" })",
     "20:86: backend address 10.0.2.11 is already used at koi.toml:20"},
    {R"(53" })", R"(53", max_connections = 5 })",
     "20:74: max_connections is for pools that koi connects to; this one has forward, and koi sees "
     "no connections"},
    {"backend = [", "ring_size = 65536\nbackend = [",
     "20:13: ring_size 65536 is not prime; the next prime is 65537"},
    {"backend = [", "ring_size = 1048574\nbackend = [",
     "20:13: ring_size 1048574 is not a number from 7 to 1048573"},
    {"backend = [", "balance = \"random-two\"\nbackend = [",
     R"(20:11: pool "dns" has balance and forward: packets are sent on as they come, and balance is for pools that koi connects to)"},
    {"backend = [", "tls = {}\nbackend = [",
     R"(20:7: pool "dns" has tls and forward: packets are sent on as they come, and tls is for pools that koi connects to)"},
    {"backend = [", "affinity = \"client\"\nbackend = [",
     R"(20:12: affinity "client" is not one of: flow, source)"},
    {"backend = [", "on_down = \"move\"\nbackend = [",
     R"(20:11: on_down "move" is not one of: leave, keep)"},
    {"[xdp]", "[xdp]\ntunnel_sources = [\"10.0.9.0/28\", \"10.0.8.0/28\"]",
     "12:18: tunnel_sources has 2 IPv4 networks; one is enough"},
    {"[xdp]", "[xdp]\ntunnel_sources = [\"10.0.9.1/28\"]",
     R"(12:19: "10.0.9.1/28" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32; did you mean "10.0.9.0/28"?)"},
    {"[xdp]", "[xdp]\nflows = 100", "12:9: flows 100 is not a number from 1024 to 16777216"},
    {"[xdp]", "[xdp]\nidle = { tcp = \"48h\" }",
     R"(12:16: tcp "48h" is not a duration from "1s" to "24h")"},
};

TEST(ConfigMistakesTest, EachOfAnL4ServiceIsSaidLikewise) {
  for (const Mistake& mistake : kL4Mistakes) {
    SCOPED_TRACE(mistake.wrong);
    const std::string text = absl::StrReplaceAll(kL4Config, {{mistake.right, mistake.wrong}});
    EXPECT_NE(text, kL4Config) << mistake.right << " is not in the configuration";
    EXPECT_EQ(absl::StrJoin(ErrorsOf(text), "\n"), mistake.errors);
  }
}

TEST(ConfigMistakesTest, EachIsSaidWithItsPlaceAndWhatWouldBeRight) {
  static_assert(std::size(kMistakes) >= 40);
  for (const Mistake& mistake : kMistakes) {
    SCOPED_TRACE(mistake.wrong);
    const std::string text = absl::StrReplaceAll(kSmallConfig, {{mistake.right, mistake.wrong}});
    EXPECT_NE(text, kSmallConfig) << mistake.right << " is not in the small configuration";
    EXPECT_EQ(absl::StrJoin(ErrorsOf(text), "\n"), mistake.errors);
  }
}

// A configuration in which `key` has `value`, on its last line.
std::string With(const ConfigKey& key, const std::string& value) {
  const std::string assignment = absl::StrCat(key.name, " = ", value);
  if (key.table.empty()) return assignment;
  const std::string table(key.table);
  const size_t dot = table.find('.');
  if (dot == table.npos) return absl::StrCat(ConfigSchema().WrittenTable(table), "\n", assignment);
  const std::string inner = table.substr(dot + 1);
  const ConfigTable* written = ConfigSchema().FindTable(table.substr(0, dot), inner);
  EXPECT_NE(written, nullptr);
  return absl::StrCat(ConfigSchema().WrittenTable(table.substr(0, dot)), "\n", inner, " = ",
                      written->repeated ? "[{ " : "{ ", assignment,
                      written->repeated ? " }]" : " }");
}

// No key takes a date.
TEST(ConfigMistakesTest, EveryKeySaysWhatItTakes) {
  for (const ConfigKey& key : ConfigSchema().keys) {
    const std::string text = With(key, "1979-05-27");
    SCOPED_TRACE(text);
    EXPECT_THAT(ErrorsOf(text), ::testing::Contains(::testing::EndsWith(absl::StrCat(
                                    ": ", key.name, " is a date, not ", Expectation(key)))));
  }
}

}  // namespace
}  // namespace koi
