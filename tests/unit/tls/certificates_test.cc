// SPDX-License-Identifier: Apache-2.0
// What an operator is told about certificates that do not work.
#include "tls/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "support/tls/made_certificate.h"
#include "tls/context.h"

namespace koi {
namespace {

using ::testing::HasSubstr;

std::string Refusal(absl::string_view chain, absl::string_view key) {
  const auto context = TlsContext::Create(chain, key, TlsProtocol::kHttp1);
  return context.ok() ? "" : std::string(context.status().message());
}

TEST(CertificateTest, ChainAndKeyThatBelongTogetherAreTaken) {
  const MadeCertificate made = MakeCertificate("koi.example");
  const auto context = TlsContext::Create(made.chain_pem, made.key_pem, TlsProtocol::kHttp1);
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->warning(), "");
}

TEST(CertificateTest, KeyOfAnotherCertificateIsRefusedByName) {
  const std::string why =
      Refusal(MakeCertificate("koi.example").chain_pem, MakeCertificate("other").key_pem);
  EXPECT_THAT(why, HasSubstr("the private key is not that of the chain's first certificate"));
  EXPECT_THAT(why, HasSubstr("koi.example"));
}

TEST(CertificateTest, TextThatIsNoPemIsRefused) {
  const MadeCertificate made = MakeCertificate("koi.example");
  EXPECT_THAT(Refusal("", made.key_pem), HasSubstr("no certificate in the chain"));
  EXPECT_THAT(Refusal("hello", made.key_pem), HasSubstr("no certificate in the chain"));
  EXPECT_THAT(Refusal(made.chain_pem, "hello"), HasSubstr("no private key"));
  EXPECT_THAT(Refusal(made.key_pem, made.key_pem), HasSubstr("no certificate in the chain"));
}

TEST(CertificateTest, DamagedCertificateIsRefusedByPlace) {
  const MadeCertificate made = MakeCertificate("koi.example");
  std::string damaged = made.chain_pem;
  damaged.replace(damaged.size() / 2, 8, "????????");
  EXPECT_THAT(Refusal(absl::StrCat(made.chain_pem, damaged), made.key_pem),
              HasSubstr("certificate number 2 of the chain cannot be read"));
}

TEST(CertificateTest, PassphraseIsNotAskedFor) {
  const MadeCertificate made = MakeCertificate("koi.example");
  const char encrypted[] =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_THAT(Refusal(made.chain_pem, encrypted), HasSubstr("passphrase"));
}

TEST(CertificateTest, ExpiredCertificateIsAWarning) {
  const MadeCertificate made = MakeCertificate("koi.example", -7200, -3600);
  const auto context = TlsContext::Create(made.chain_pem, made.key_pem, TlsProtocol::kAny);
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_THAT(context->warning(), HasSubstr("expired on"));
}

TEST(CertificateTest, CertificateOfTomorrowIsAWarning) {
  const MadeCertificate made = MakeCertificate("koi.example", 86'400, 2 * 86'400);
  const auto context = TlsContext::Create(made.chain_pem, made.key_pem, TlsProtocol::kAny);
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_THAT(context->warning(), HasSubstr("is not valid before"));
}

class CertificateFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/koi-tls-XXXXXX";
    ASSERT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
  }
  void TearDown() override {
    for (const std::string& path : written_) ::unlink(path.c_str());
    ::rmdir(directory_.c_str());
  }
  std::string Written(const std::string& name, const std::string& content) {
    written_.push_back(absl::StrCat(directory_, "/", name));
    EXPECT_TRUE(WriteFile(written_.back(), content, 0600).ok());
    return written_.back();
  }

  std::string directory_;
  std::vector<std::string> written_;
};

TEST_F(CertificateFileTest, BothFilesBecomeText) {
  const MadeCertificate made = MakeCertificate("koi.example");
  const auto pair =
      LoadCertificate(Written("c.pem", made.chain_pem), Written("k.pem", made.key_pem));
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(pair->chain_pem, made.chain_pem);
  EXPECT_EQ(pair->key_pem, made.key_pem);
  EXPECT_EQ(pair->warning, "");
}

TEST_F(CertificateFileTest, ErrorsNameTheFile) {
  const MadeCertificate made = MakeCertificate("koi.example");
  const std::string chain = Written("c.pem", made.chain_pem);
  const auto absent = LoadCertificate(chain, directory_ + "/none.key");
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(absent.status().message()), HasSubstr("none.key"));
  const auto swapped = LoadCertificate(Written("k.pem", made.key_pem), chain);
  EXPECT_THAT(std::string(swapped.status().message()), HasSubstr("k.pem with "));
}

}  // namespace
}  // namespace koi
