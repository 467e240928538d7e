// SPDX-License-Identifier: Apache-2.0
// What an operator is told about certificates that do not work.
#include "tls/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "support/tls/bundled.h"
#include "support/tls/made_authority.h"
#include "tls/certificate_bundle.h"
#include "tls/certificate_reader.h"
#include "tls/context.h"

namespace koi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string Refusal(absl::string_view chain, absl::string_view key) {
  const auto context = TlsContext::Create(chain, key, TlsProtocol::kHttp1);
  return context.ok() ? "" : std::string(context.status().message());
}

TEST(CertificateTest, ChainAndKeyThatBelongTogetherAreTaken) {
  const MadeCertificate made = MakeCertificate("koi.example");
  const auto context = TlsContext::Create(made.chain_pem, made.key_pem, TlsProtocol::kHttp1);
  ASSERT_TRUE(context.ok()) << context.status();
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

class CertificateReaderTest : public ::testing::Test {
 protected:
  // "chain" and "key" are files here.
  absl::StatusOr<std::shared_ptr<const Certificate>> Load(
      const MadeCertificate& made, std::shared_ptr<const Certificate> before = nullptr) {
    files_["chain"] = made.chain_pem;
    files_["key"] = made.key_pem;
    return reader_.Load({.chain_file = "chain", .key_file = "key", .ocsp_file = ocsp_}, read_,
                        std::move(before));
  }
  std::vector<std::string> Warnings(const MadeCertificate& made) {
    const auto loaded = Load(made);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? (*loaded)->warnings : std::vector<std::string>();
  }

  std::map<std::string, std::string> files_;
  std::string ocsp_;
  const PemReader read_ = [this](const std::string& path) -> absl::StatusOr<std::string> {
    const auto found = files_.find(path);
    if (found == files_.end()) return absl::NotFoundError(path + " is not there");
    return found->second;
  };
  const MadeAuthority authority_{"koi test authority"};
  CertificateReader reader_;
};

TEST_F(CertificateReaderTest, AllThatIsKnownOfACertificateIsRead) {
  const auto loaded = Load(authority_.Issue({.names = {"Koi.Example", "*.koi.example"}}));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Certificate& certificate = **loaded;
  EXPECT_EQ(certificate.facts.subject, "/CN=Koi.Example");
  EXPECT_THAT(certificate.names, ElementsAre("koi.example", "*.koi.example"));
  EXPECT_EQ(certificate.kind, KeyKind::kEcdsa);
  EXPECT_EQ(certificate.chain.size(), 2u);
  EXPECT_THAT(certificate.warnings, IsEmpty());
  EXPECT_EQ((*Load(authority_.Issue({.names = {"a"}, .rsa = true})))->kind, KeyKind::kRsa);
  EXPECT_THAT((*Load(MakeCertificate("only.common.name")))->names, ElementsAre("only.common.name"));
}

TEST_F(CertificateReaderTest, SameTextsAreNotReadTwice) {
  const MadeCertificate made = authority_.Issue({.names = {"koi.example"}});
  const auto first = Load(made);
  EXPECT_EQ(*Load(made, *first), *first);
  EXPECT_NE(*Load(authority_.Issue({.names = {"koi.example"}}), *first), *first);
}

TEST_F(CertificateReaderTest, ServicesWithTheSameFilesShareTheirCertificates) {
  const MadeCertificate made = MakeCertificate("one.example");
  std::shared_ptr<const Certificate> first = *Load(made);
  EXPECT_EQ(*Load(made), first);
  EXPECT_NE(*Load(MakeCertificate("one.example")), first);
  // Another reader's, which this one has been shown.
  std::shared_ptr<const Certificate> before =
      *CertificateReader().Load({.chain_file = "chain", .key_file = "key"}, read_);
  EXPECT_EQ(*Load({files_["chain"], files_["key"]}, before), before);
  EXPECT_EQ(*Load({files_["chain"], files_["key"]}), before);
  // What nobody has is not kept.
  const std::weak_ptr<const Certificate> gone = before;
  before.reset();
  EXPECT_TRUE(gone.expired());
}

TEST_F(CertificateReaderTest, WhatClientsMayRefuseIsAWarning) {
  EXPECT_THAT(
      Warnings(authority_.Issue({.names = {"a"}, .from_seconds = -7200, .until_seconds = -60})),
      ElementsAre(AllOf(StartsWith("chain: "), HasSubstr("/CN=a expired on"))));
  EXPECT_THAT(
      Warnings(authority_.Issue({.names = {"a"}, .from_seconds = 7200, .until_seconds = 9000})),
      ElementsAre(HasSubstr("is not valid before")));
  MadeCertificate other = authority_.Issue({.names = {"a"}});
  other.chain_pem += MakeCertificate("stranger").chain_pem;
  EXPECT_THAT(Warnings(other),
              ElementsAre(HasSubstr("certificate number 3 of the chain, /CN=stranger, has not "
                                    "issued the one before it")));
}

TEST_F(CertificateReaderTest, ErrorsNameTheFile) {
  const MadeCertificate made = authority_.Issue({.names = {"a"}});
  files_["both"] = made.chain_pem + made.key_pem;
  EXPECT_TRUE(reader_.Load({.chain_file = "both", .key_file = "both"}, read_).ok());
  files_["chain"] = made.chain_pem;
  const auto absent = reader_.Load({.chain_file = "chain", .key_file = "none"}, read_);
  EXPECT_EQ(absent.status().message(), "none is not there");
  const auto swapped = Load({made.chain_pem, authority_.Issue({.names = {"b"}}).key_pem});
  EXPECT_THAT(std::string(swapped.status().message()),
              StartsWith("chain with key: the private key is not that of"));
}

TEST_F(CertificateReaderTest, OcspResponseMustBeAboutTheCertificate) {
  const MadeCertificate made = authority_.Issue({.names = {"a"}});
  ocsp_ = "ocsp";
  files_["ocsp"] = authority_.OcspResponse(made.chain_pem, 3600);
  const auto loaded = Load(made);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT((*loaded)->warnings, IsEmpty());
  EXPECT_EQ((*loaded)->ocsp, files_["ocsp"]);

  files_["ocsp"] = authority_.OcspResponse(made.chain_pem, -10);
  EXPECT_THAT(Warnings(made), ElementsAre("ocsp: the OCSP response has expired: clients get none"));
  files_["ocsp"] = authority_.OcspResponse(made.chain_pem, 3600, true);
  EXPECT_THAT(Warnings(made), ElementsAre(HasSubstr("says that the certificate is revoked")));
  files_["ocsp"] = authority_.OcspResponse(authority_.Issue({.names = {"b"}}).chain_pem, 3600);
  EXPECT_THAT(std::string(Load(made).status().message()),
              HasSubstr("ocsp: the OCSP response is not about"));
  files_["ocsp"] = MadeAuthority("stranger").OcspResponse(made.chain_pem, 3600);
  EXPECT_THAT(std::string(Load(made).status().message()), HasSubstr("not signed by"));
  files_["ocsp"] = "hello";
  EXPECT_THAT(std::string(Load(made).status().message()), HasSubstr("not an OCSP response"));
}

TEST_F(CertificateReaderTest, BundleGivesBackWhatWasPutIn) {
  ocsp_ = "ocsp";
  const MadeCertificate made = authority_.Issue({.names = {"a", "*.a"}});
  files_["ocsp"] = authority_.OcspResponse(made.chain_pem, 3600);
  const CertificateSet set = {*Load(made), Loaded(MakeRsaCertificate("b"))};
  const std::string bytes = EncodeBundle(set);
  const CertificateSet again = CertificatesOf(bytes).value();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(DigestOf(again), DigestOf(set));
  EXPECT_EQ(EncodeBundle(again), bytes);
  EXPECT_EQ(again[0]->facts.fingerprint, set[0]->facts.fingerprint);
  EXPECT_EQ(again[0]->facts.until_s, set[0]->facts.until_s);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    ASSERT_FALSE(DecodeBundle(absl::string_view(bytes).substr(0, cut)).ok()) << cut;
  }
}

}  // namespace
}  // namespace koi
