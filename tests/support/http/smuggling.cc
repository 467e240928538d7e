// SPDX-License-Identifier: Apache-2.0
// The table, built of its variations.
#include "support/http/smuggling.h"

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

using Inputs = std::vector<SmugglingInput>;

std::string Hidden() { return absl::StrCat("GET ", kHiddenPath, " HTTP/1.1\r\nHost: a\r\n\r\n"); }

// A POST with these header lines and the hidden request behind its head.
std::string Post(const std::string& lines, const std::string& body) {
  return absl::StrCat("POST /seen HTTP/1.1\r\nHost: a\r\n", lines, "\r\n", body);
}
std::string Get(const std::string& lines) {
  return absl::StrCat("GET /seen HTTP/1.1\r\nHost: a\r\n", lines, "\r\n");
}

// `text` with each "%" as NUL: a literal would end there.
std::string Nul(std::string text) {
  for (char& c : text) {
    if (c == '%') c = '\0';
  }
  return text;
}

void AddLengths(Inputs& inputs) {
  const std::string hidden = Hidden();
  const std::string size = absl::StrCat(hidden.size());
  for (const std::string& value :
       {"+" + size, "-" + size, std::string("-0"), size + ", " + size, size + "," + size,
        size + ";", size + " 0", "0x" + size, size + ".0", size + "e0", std::string(),
        std::string("zero"), "\"" + size + "\"", std::string("18446744073709551617"),
        std::string("9223372036854775808"), std::string("1234567890123456789"), size + "\v",
        "\f" + size, Nul(size + "%")}) {
    inputs.push_back({"length " + value, Post("Content-Length: " + value + "\r\n", hidden), 400});
  }
  for (const std::string& value : {" " + size, "\t" + size, size + " ", size + "\t", "00" + size}) {
    inputs.push_back({"length " + value, Post("Content-Length:" + value + "\r\n", hidden)});
  }
  inputs.push_back(
      {"GET with a body", absl::StrCat("GET /seen HTTP/1.1\r\nHost: a\r\nContent-Length: ", size,
                                       "\r\n\r\n", hidden)});
  inputs.push_back(
      {"two lengths",
       Post(absl::StrCat("Content-Length: 0\r\nContent-Length: ", size, "\r\n"), hidden), 400});
  inputs.push_back(
      {"one length twice",
       Post(absl::StrCat("Content-Length: ", size, "\r\ncontent-length: ", size, "\r\n"), hidden),
       400});
}

void AddCodings(Inputs& inputs) {
  const std::string hidden = Hidden();
  const std::string chunked = absl::StrCat("0\r\n\r\n", hidden);
  const std::string length = absl::StrCat("Content-Length: ", chunked.size(), "\r\n");
  const std::string none = "0\r\n\r\n";
  for (const char* line :
       {"Transfer-Encoding: chunked", "Transfer-Encoding:chunked", "Transfer-Encoding:\tchunked",
        "transfer-encoding: CHUNKED", "Transfer-Encoding: chunked\t "}) {
    inputs.push_back({absl::StrCat("length and ", line),
                      Post(absl::StrCat(length, line, "\r\n"), chunked), 400});
    inputs.push_back({absl::StrCat(line, " and length"),
                      Post(absl::StrCat(line, "\r\n", length), chunked), 400});
    inputs.push_back({line, Post(absl::StrCat(line, "\r\n"), none)});
  }
  for (const char* value : {"identity",
                            "xchunked",
                            "chunkedx",
                            "chunked, chunked",
                            "gzip, chunked",
                            "chunked, gzip",
                            "chunked, identity",
                            "identity, chunked",
                            "chunked;q=1",
                            "\"chunked\"",
                            "chunked,",
                            ",chunked",
                            "cow",
                            "",
                            "chun ked",
                            "chunked\v",
                            "\fchunked",
                            "\xc2\xa0"
                            "chunked",
                            "chunked\x7f",
                            "chunke\xc5\x84"}) {
    const std::string line = absl::StrCat("Transfer-Encoding: ", value, "\r\n");
    inputs.push_back({line, Post(line, chunked), 400});
    inputs.push_back({line + " with a length", Post(length + line, chunked), 400});
  }
  for (const std::string& line :
       {std::string("Transfer-Encoding : chunked"), std::string("Transfer-Encoding\t: chunked"),
        std::string(" Transfer-Encoding: chunked"),
        std::string("X: y\r\n Transfer-Encoding: chunked"),
        std::string("Transfer-Encoding:\r\n chunked"),
        std::string("Transfer-Encoding: \r\n\tchunked"),
        std::string("X: y\rTransfer-Encoding: chunked"),
        std::string("X: y\nTransfer-Encoding: chunked"),
        std::string("X: y\r\r\nTransfer-Encoding: chunked"),
        std::string("Transfer-Encoding: chunked\r"), Nul("Transfer-Encoding: chunked%"),
        Nul("Transfer-Encoding%: chunked"), Nul("%Transfer-Encoding: chunked"),
        std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        std::string("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
        std::string("\xef\xbb\xbfTransfer-Encoding: chunked"), std::string("Transfer-Encoding")}) {
    inputs.push_back({line, Post(line + "\r\n", chunked), 400});
  }
  inputs.push_back(
      {"another header's name",
       Post(absl::StrCat("Transfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\n", length),
            chunked)});
  inputs.push_back(
      {"chunked in HTTP/1.0",
       "POST /seen HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 400});
  for (const char* name : {"Transfer-Encoding", "Content-Length", "Host", "close, Host"}) {
    inputs.push_back(
        {absl::StrCat("Connection: ", name),
         Post(absl::StrCat("Connection: ", name, "\r\nTransfer-Encoding: chunked\r\n"), none)});
  }
}

void AddChunks(Inputs& inputs) {
  const std::string hidden = Hidden();
  const auto add = [&](const std::string& name, const std::string& body, int status) {
    inputs.push_back({"chunk " + name, Post("Transfer-Encoding: chunked\r\n", body), status});
  };
  const std::string size = absl::StrCat(absl::Hex(hidden.size()));
  add("of a request", absl::StrCat(size, "\r\n", hidden, "\r\n0\r\n\r\n"), 0);
  add("with an extension", absl::StrCat(size, ";a=b;c=\"d\"\r\n", hidden, "\r\n0\r\n\r\n"), 0);
  add("with leading zeros", absl::StrCat("000", size, "\r\n", hidden, "\r\n000\r\n\r\n"), 0);
  add("trailers that say another length",
      "0\r\nContent-Length: 50\r\nTransfer-Encoding: identity\r\nHost: b\r\n\r\n", 0);
  for (const std::string& line :
       {"+" + size, "-" + size, "0x" + size, " " + size, "\t" + size, size + " ", size + " ;a",
        size + ",", std::string(), std::string(";a"), std::string("g"), "1_" + size,
        std::string("10000000000000000"), std::string("fffffffffffffffff"), Nul(size + "%"),
        size + ";a\rb", size + ";a\nb", size + ";\x01", size + ";" + std::string(300, 'x')}) {
    add("size " + line, absl::StrCat(line, "\r\n", hidden, "\r\n0\r\n\r\n"), 400);
  }
  add("size and bare LF", absl::StrCat(size, "\n", hidden, "\r\n0\r\n\r\n"), 400);
  add("size and bare CR", absl::StrCat(size, "\r", hidden, "\r\n0\r\n\r\n"), 400);
  add("extension and bare LF", absl::StrCat(size, ";a\n", hidden, "\r\n0\r\n\r\n"), 400);
  add("data and bare LF", absl::StrCat(size, "\r\n", hidden, "\n0\r\n\r\n"), 400);
  add("data longer than its size", absl::StrCat("1\r\n", hidden, "\r\n0\r\n\r\n"), 400);
  add("last without its empty line", "0\r\n" + hidden, 400);
  add("last with bare LF", "0\n\n" + hidden, 400);
  add("empty line of bare LF", "0\r\n\n" + hidden, 400);
  add("empty line of CR CR LF", "0\r\n\r\r\n" + hidden, 400);
  for (const char* trailer :
       {"no colon", "X : y", " X: y", ": y", "X: y\n", "X: y\rZ", "X: \x7f", "X\xc3\xa9: y"}) {
    add(absl::StrCat("trailer ", trailer), absl::StrCat("0\r\n", trailer, "\r\n\r\n", hidden), 400);
  }
}

void AddLines(Inputs& inputs) {
  const std::string hidden = Hidden();
  const auto refused = [&](const std::string& name, const std::string& bytes, int status = 400) {
    inputs.push_back({name, bytes + hidden, status});
  };
  for (const std::string& line : {std::string("GET  /seen HTTP/1.1"),
                                  std::string("GET /seen  HTTP/1.1"),
                                  std::string("GET\t/seen HTTP/1.1"),
                                  std::string("GET /seen\tHTTP/1.1"),
                                  std::string("GET /seen HTTP/1.1 "),
                                  std::string(" GET /seen HTTP/1.1"),
                                  std::string("GET /seen"),
                                  std::string("GET /seen HTTP/1.2"),
                                  std::string("GET /seen HTTP/2.0"),
                                  std::string("GET /seen HTTP/0.9"),
                                  std::string("GET /seen http/1.1"),
                                  std::string("GET /seen HTTP/01.1"),
                                  std::string("GET /seen HTTP/1.10"),
                                  std::string("GET /seen HTTP/1.1\r"),
                                  std::string("GET /se en HTTP/1.1"),
                                  std::string("GET /seen#x HTTP/1.1"),
                                  Nul("GET /se%en HTTP/1.1"),
                                  std::string("GET /se\x7f"
                                              "en HTTP/1.1"),
                                  std::string("GET /s\xc3\xa9"
                                              "en HTTP/1.1"),
                                  std::string("G(T /seen HTTP/1.1"),
                                  Nul("G%T /seen HTTP/1.1"),
                                  std::string("GET seen HTTP/1.1"),
                                  std::string("GET * HTTP/1.1"),
                                  std::string("GET a:80 HTTP/1.1"),
                                  std::string("CONNECT a:80 HTTP/1.1"),
                                  std::string("GET http:/seen HTTP/1.1"),
                                  std::string("GET http:///seen HTTP/1.1"),
                                  std::string("GET http://u@a/seen HTTP/1.1"),
                                  std::string("GET ftp://a/seen HTTP/1.1"),
                                  std::string("GET //a\\seen HTTP/1.1\n"),
                                  std::string("\nGET /seen HTTP/1.1"),
                                  std::string("\r\n\r\nGET /seen HTTP/1.1"),
                                  std::string("\xef\xbb\xbfGET /seen HTTP/1.1")}) {
    refused("line " + line, line + "\r\nHost: a\r\n\r\n");
  }
  for (const std::string& lines : {std::string("Host: a\r\nHost: a"),
                                   std::string("Host: a\r\nHost: b"),
                                   std::string("Host:"),
                                   std::string("Host: a b"),
                                   std::string("Host: a,b"),
                                   std::string("Host: a/b"),
                                   std::string("Host: u@a"),
                                   std::string("Host: a\\b"),
                                   std::string("Host : a"),
                                   std::string(" Host: a"),
                                   std::string("Host: a\r\n b"),
                                   std::string("X: y"),
                                   Nul("Host: a%"),
                                   std::string("Host: a#b"),
                                   std::string("Host: a?b"),
                                   std::string("Host: :80"),
                                   std::string("Host: a\r\n: x"),
                                   std::string("Host: a\r\nX y: z"),
                                   std::string("Host: a\r\nX(: z"),
                                   std::string("Host: a\r\nX\xc3\xa9: z"),
                                   Nul("Host: a\r\nX: %"),
                                   std::string("Host: a\r\nX: \x1b"),
                                   std::string("Host: a\r\nX: \x7f"),
                                   std::string("Host: a\r\nX: y\r\n\tz"),
                                   std::string("Host: a\r\nX: y\n z"),
                                   std::string("Host: a\r\nno colon"),
                                   std::string("Host: a\nX: y"),
                                   std::string("Host: a\rX: y")}) {
    refused("headers " + lines, "GET /seen HTTP/1.1\r\n" + lines + "\r\n\r\n");
  }
  refused("bare LF throughout", "GET /seen HTTP/1.1\nHost: a\n\n");
  refused("empty line of bare LF", "GET /seen HTTP/1.1\r\nHost: a\r\n\n");
  refused("large head", Get("X: " + std::string(20'000, 'x') + "\r\n"), 431);
  std::string many;
  for (int i = 0; i < 101; ++i) absl::StrAppend(&many, "X: y\r\n");
  refused("many headers", Get(many), 431);
  inputs.push_back({"one empty line in front", "\r\n" + Get("")});
  inputs.push_back({"absolute form", "GET http://b/seen HTTP/1.1\r\nHost: a\r\n\r\n"});
  inputs.push_back({"absolute form of https", "GET HTTPS://b:1 HTTP/1.1\r\nHost: a\r\n\r\n"});
  inputs.push_back({"Latin-1 in a value", Get("X: \xe9\r\n")});
  inputs.push_back({"unknown method", "HIDE /seen HTTP/1.1\r\nHost: a\r\n\r\n"});
}

void AddUpgrades(Inputs& inputs) {
  const std::string hidden = Hidden();
  const std::string size = absl::StrCat("Content-Length: ", hidden.size(), "\r\n");
  inputs.push_back({"upgrade to h2c", Get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: "
                                          "h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")});
  inputs.push_back({"upgrade with a body",
                    Post("Connection: Upgrade\r\nUpgrade: websocket\r\n" + size, hidden)});
  inputs.push_back(
      {"upgrade to a choice", Get("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n")});
  inputs.push_back({"upgrade not asked for", Get("Upgrade: websocket\r\n")});
  inputs.push_back({"expectation of cake", Post("Expect: cake\r\n" + size, hidden), 417});
  inputs.push_back({"proxy's headers", Get("Proxy-Connection: keep-alive\r\nProxy: evil\r\nTE: "
                                           "chunked\r\nKeep-Alive: 5\r\n")});
}

Inputs Build() {
  Inputs inputs;
  AddLengths(inputs);
  AddCodings(inputs);
  AddChunks(inputs);
  AddLines(inputs);
  AddUpgrades(inputs);
  return inputs;
}

}  // namespace

const std::vector<SmugglingInput>& SmugglingInputs() {
  static const Inputs kInputs = Build();
  return kInputs;
}

}  // namespace koi
