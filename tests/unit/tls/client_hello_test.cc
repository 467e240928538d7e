// SPDX-License-Identifier: Apache-2.0
// The server that a ClientHello names, as OpenSSL writes it and as a hostile client might.
#include "tls/client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

struct HelloOptions {
  const char* name = nullptr;
  int version = TLS1_3_VERSION;
  bool grease = false;
};

// What a client of OpenSSL's sends first.
std::string RealHello(const HelloOptions& options) {
  const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(
      ::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  ::SSL_CTX_set_max_proto_version(context.get(), options.version);
  if (options.grease) {  // RFC 8701: a type that no server may mind
    const auto add = [](SSL*, unsigned, unsigned, const unsigned char** out, size_t* bytes, X509*,
                        size_t, int*, void*) {
      *out = reinterpret_cast<const unsigned char*>("\0");
      *bytes = 1;
      return 1;
    };
    ::SSL_CTX_add_custom_ext(context.get(), 0x0a0a, SSL_EXT_CLIENT_HELLO, add, nullptr, nullptr,
                             nullptr, nullptr);
  }
  const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl(::SSL_new(context.get()), &::SSL_free);
  ::SSL_set_bio(ssl.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
  if (options.name != nullptr) ::SSL_set_tlsext_host_name(ssl.get(), options.name);
  (void)::SSL_connect(ssl.get());
  char* bytes = nullptr;
  const long count = ::BIO_get_mem_data(::SSL_get_wbio(ssl.get()), &bytes);
  return {bytes, static_cast<size_t>(count)};
}

std::string U16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string Record(absl::string_view fragment) {
  return absl::StrCat("\x16\x03\x01", U16(fragment.size()), fragment);
}

// The message of a hello in one record, in records of `step` bytes.
std::string InRecords(const std::string& hello, size_t step) {
  std::string records;
  for (size_t at = 5; at < hello.size(); at += step) {
    absl::StrAppend(&records, Record(absl::string_view(hello).substr(at, step)));
  }
  return records;
}

// A hello with these extensions, everything before them as small as possible.
std::string MadeHello(absl::string_view extensions) {
  const std::string body =
      absl::StrCat("\x03\x03", std::string(32, 'r'), absl::string_view("\0", 1), U16(2), "\x13\x01",
                   absl::string_view("\x01\0", 2), U16(extensions.size()), extensions);
  return Record(absl::StrCat("\x01", absl::string_view("\0", 1), U16(body.size()), body));
}

std::string NameExtension(absl::string_view list) {
  return absl::StrCat(U16(0), U16(list.size() + 2), U16(list.size()), list);
}

std::string HostName(absl::string_view name) {
  return absl::StrCat(absl::string_view("\0", 1), U16(name.size()), name);
}

// The name, or what became of the bytes otherwise.
std::string Named(absl::string_view bytes) {
  std::string name;
  switch (ReadClientHello(bytes, name)) {
    case HelloParse::kDone: return name;
    case HelloParse::kMore: return "(more)";
    case HelloParse::kBad: return "(bad)";
  }
  return "";
}

TEST(ClientHelloTest, RealOnesNameTheirServer) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SCOPED_TRACE(version);
    EXPECT_EQ(Named(RealHello({.name = "Shop.Example", .version = version})), "shop.example");
    EXPECT_EQ(Named(RealHello({.version = version})), "");
    EXPECT_EQ(Named(RealHello({.name = "a.example", .version = version, .grease = true})),
              "a.example");
  }
}

TEST(ClientHelloTest, ArrivesInAnyPieces) {
  const std::string hello = RealHello({.name = "shop.example", .grease = true});
  for (const std::string& sent : {hello, InRecords(hello, 1), InRecords(hello, 100)}) {
    for (size_t bytes = 0; bytes < sent.size(); ++bytes) {
      ASSERT_EQ(Named(sent.substr(0, bytes)), "(more)") << bytes << " of " << sent.size();
    }
    EXPECT_EQ(Named(sent), "shop.example");
    EXPECT_EQ(Named(absl::StrCat(sent, "early data")), "shop.example");
  }
}

TEST(ClientHelloTest, NameIsTakenAsItIsUsed) {
  EXPECT_EQ(Named(MadeHello(NameExtension(HostName("shop.example.")))), "shop.example");
  EXPECT_EQ(Named(MadeHello(NameExtension(absl::StrCat("\x07", U16(1), "x", HostName("a.b"))))),
            "a.b");
  EXPECT_EQ(Named(MadeHello("")), "");
}

TEST(ClientHelloTest, AnythingElseIsRefused) {
  const std::string name = HostName("shop.example");
  for (const std::string& bytes : {
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("\x80\x2e\x01\x03\x01"),               // SSL 2
           std::string("\x16\x02", 2),                        // no such version
           std::string("\x16\x03\x01\0\0", 5),                // an empty record
           std::string("\x16\x03\x01\x40\x01", 5),            // one that is too long
           std::string("\x15\x03\x01\0\x02\x01\0", 7),        // an alert
           std::string("\x16\x03\x01\0\x04\x02\0\0\0", 9),    // a ServerHello
           std::string("\x16\x03\x01\0\x05\x01\0\0\0x", 10),  // more than the message
           std::string("\x16\x03\x01\0\x04\x01\x01\0\0", 9),  // 64 KiB to come
           std::string("\x16\x03\x01\0\x04\x01\0\0\0", 9),    // nothing in it
           MadeHello(U16(0)),                                 // half an extension
           MadeHello(NameExtension("")),
           MadeHello(NameExtension(HostName(""))),
           MadeHello(NameExtension(HostName("."))),
           MadeHello(NameExtension(HostName(std::string("a\0b", 3)))),
           MadeHello(NameExtension(HostName("a b"))),
           MadeHello(NameExtension(HostName(std::string(256, 'a')))),
           MadeHello(NameExtension(name + name)),
           MadeHello(NameExtension(name) + NameExtension(name)),
           MadeHello(NameExtension(name.substr(0, 5))),
       }) {
    EXPECT_EQ(Named(bytes), "(bad)") << testing::PrintToString(bytes);
  }
}

TEST(ClientHelloTest, LengthIsLimited) {
  const std::string filler = absl::StrCat(U16(0x0a0a), U16(16'000), std::string(16'000, 'x'));
  EXPECT_EQ(Named(MadeHello(filler)), "");
  EXPECT_EQ(Named(InRecords(MadeHello(filler), 50)), "(bad)") << "with its records' heads";
}

}  // namespace
}  // namespace koi
