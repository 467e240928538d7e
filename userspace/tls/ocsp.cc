// SPDX-License-Identifier: Apache-2.0
// OCSP responses (RFC 6960).
#include "tls/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include <ctime>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tls/error.h"

namespace koi {
namespace {

struct FreeOcsp {
  void operator()(OCSP_RESPONSE* response) const { ::OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* basic) const { ::OCSP_BASICRESP_free(basic); }
  void operator()(X509_STORE* store) const { ::X509_STORE_free(store); }
};
template <typename T>
using OwnedOcsp = std::unique_ptr<T, FreeOcsp>;

// The part that is about `certificate`; its authority gives each serial number once.
OCSP_SINGLERESP* PartFor(OCSP_BASICRESP* basic, const X509* certificate) {
  for (int i = 0; i < ::OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = ::OCSP_resp_get0(basic, i);
    ASN1_INTEGER* serial = nullptr;
    ::OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                        const_cast<OCSP_CERTID*>(::OCSP_SINGLERESP_get0_id(single)));
    if (::ASN1_INTEGER_cmp(serial, ::X509_get0_serialNumber(certificate)) == 0) return single;
  }
  return nullptr;
}

bool SignedFor(OCSP_BASICRESP* basic, X509* issuer) {
  const OwnedOcsp<X509_STORE> trusted(::X509_STORE_new());
  ::X509_STORE_add_cert(trusted.get(), issuer);
  STACK_OF(X509)* issuers = sk_X509_new_null();
  sk_X509_push(issuers, issuer);
  const int result =
      ::OCSP_basic_verify(basic, issuers, trusted.get(), OCSP_TRUSTOTHER | OCSP_PARTIAL_CHAIN);
  sk_X509_free(issuers);
  return result == 1;
}

int64_t Seconds(const ASN1_GENERALIZEDTIME* time) {
  tm parts = {};
  if (time == nullptr || ::ASN1_TIME_to_tm(time, &parts) != 1) {
    return std::numeric_limits<int64_t>::max();  // newer ones are always to be had
  }
  return ::timegm(&parts);
}

}  // namespace

absl::StatusOr<OcspFacts> CheckOcspResponse(absl::string_view der, X509* certificate,
                                            X509* issuer) {
  ::ERR_clear_error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const OwnedOcsp<OCSP_RESPONSE> response(
      ::d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
  if (response == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("not an OCSP response in DER: ", TakeTlsError()));
  }
  if (::OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return absl::InvalidArgumentError(
        absl::StrCat("the authority answered \"",
                     ::OCSP_response_status_str(::OCSP_response_status(response.get())), "\""));
  }
  const OwnedOcsp<OCSP_BASICRESP> basic(::OCSP_response_get1_basic(response.get()));
  OCSP_SINGLERESP* single = basic == nullptr ? nullptr : PartFor(basic.get(), certificate);
  if (single == nullptr) {
    (void)TakeTlsError();
    return absl::InvalidArgumentError("the OCSP response is not about this certificate");
  }
  if (issuer != nullptr && !SignedFor(basic.get(), issuer)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the OCSP response is not signed by the certificate's authority: ", TakeTlsError()));
  }
  ASN1_GENERALIZEDTIME* next = nullptr;
  int reason = 0;
  const int status = ::OCSP_single_get0_status(single, &reason, nullptr, nullptr, &next);
  OcspFacts facts{.until_s = Seconds(next)};
  if (facts.until_s <= std::time(nullptr)) {
    facts.warning = "the OCSP response has expired: clients get none";
  } else if (status != V_OCSP_CERTSTATUS_GOOD) {
    facts.warning =
        absl::StrCat("the authority says that the certificate is ", ::OCSP_cert_status_str(status));
  }
  return facts;
}

}  // namespace koi
