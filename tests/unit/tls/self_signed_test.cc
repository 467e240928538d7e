// SPDX-License-Identifier: Apache-2.0
// The certificate that koi makes itself, and when it makes another.
#include "tls/self_signed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "support/tls/made_certificate.h"
#include "tls/certificates.h"

namespace koi {
namespace {

class SelfSignedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(::testing::TempDir(), "/self-signed-", ::getpid());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string chain() const { return absl::StrCat(folder_, "/state/default.pem"); }
  std::string key() const { return absl::StrCat(folder_, "/state/default.key"); }

  // The chain that is there for `subject`; "" when there cannot be one.
  std::string Ensured(const CertificateSubject& subject) {
    const absl::Status ensured = EnsureSelfSigned(chain(), key(), subject);
    EXPECT_TRUE(ensured.ok()) << ensured;
    return ReadFile(chain()).value_or("");
  }

  std::string folder_;
  const CertificateSubject subject_ = {
      "blue", {Address::Parse("10.0.0.201").value(), Address::Parse("2001:db8::201").value()}};
};

TEST_F(SelfSignedTest, ClientThatTrustsBothHostsBelievesEachName) {
  const std::string other_host = absl::StrCat(folder_, "/other/default");
  ASSERT_TRUE(EnsureSelfSigned(other_host + ".pem", other_host + ".key", subject_).ok());
  const absl::StatusOr<ParsedCertificate> other = ParseCertificate(
      ReadFile(other_host + ".pem").value(), ReadFile(other_host + ".key").value());
  ASSERT_TRUE(other.ok()) << other.status();
  Ensured(subject_);
  const absl::StatusOr<ParsedCertificate> parsed =
      ParseCertificate(ReadFile(chain()).value(), ReadFile(key()).value());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  X509* certificate = parsed->chain[0].get();
  EXPECT_EQ(ValidityWarning(*parsed), "");
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, other->chain[0].get());
  X509_STORE_add_cert(store, certificate);
  for (const char* ip : {"10.0.0.201", "2001:db8::201"}) {
    SCOPED_TRACE(ip);
    EXPECT_EQ(X509_check_ip_asc(certificate, ip, 0), 1);
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, certificate, nullptr);
    X509_STORE_CTX_set_default(context, "ssl_server");
    X509_VERIFY_PARAM_set1_ip_asc(X509_STORE_CTX_get0_param(context), ip);
    EXPECT_EQ(X509_verify_cert(context), 1)
        << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
    X509_STORE_CTX_free(context);
  }
  X509_STORE_free(store);
  EXPECT_EQ(X509_check_host(certificate, "blue", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "10.0.0.202", 0), 0);
}

TEST_F(SelfSignedTest, KeyIsForItsOwnerAlone) {
  Ensured(subject_);
  struct stat info = {};
  ASSERT_EQ(::stat(key().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SelfSignedTest, IsKeptWhileItFits) {
  const std::string first = Ensured(subject_);
  EXPECT_EQ(Ensured(subject_), first);
  CertificateSubject reordered = subject_;
  std::swap(reordered.addresses[0], reordered.addresses[1]);
  EXPECT_EQ(Ensured(reordered), first);
}

TEST_F(SelfSignedTest, IsReplacedOnceItDoesNot) {
  const std::string first = Ensured(subject_);
  CertificateSubject other = subject_;
  other.addresses.pop_back();
  const std::string second = Ensured(other);
  EXPECT_NE(second, first);
  ASSERT_TRUE(WriteFile(key(), "damaged").ok());
  const std::string third = Ensured(other);
  EXPECT_NE(third, second);

  // Of a week more, and for other names: an operator's that has been put there is no exception.
  const MadeCertificate made = MakeCertificate("blue", -60, 7 * 24 * 3600);
  ASSERT_TRUE(WriteFile(chain(), made.chain_pem).ok());
  ASSERT_TRUE(WriteFile(key(), made.key_pem).ok());
  EXPECT_NE(Ensured(other), made.chain_pem);
}

TEST_F(SelfSignedTest, NameThatIsNoDnsNameIsLeftOut) {
  CertificateSubject subject = subject_;
  subject.name = "blue_1";
  const std::string first = Ensured(subject);
  EXPECT_EQ(Ensured(subject), first);
}

TEST_F(SelfSignedTest, FolderThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteFile(folder_, "a file").ok());
  const absl::Status ensured = EnsureSelfSigned(chain(), key(), subject_);
  EXPECT_THAT(std::string(ensured.message()), ::testing::HasSubstr(folder_));
}

}  // namespace
}  // namespace koi
