// SPDX-License-Identifier: Apache-2.0
// A certificate authority, made when a test needs one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/tls/made_certificate.h"

using EVP_PKEY = struct evp_pkey_st;
using X509 = struct x509_st;

namespace koi {

struct WantedCertificate {
  std::vector<std::string> names = {};  // DNS names; the first is the common name too
  bool rsa = false;
  long from_seconds = -60;  // of now
  long until_seconds = 3600;
};

class MadeAuthority {
 public:
  explicit MadeAuthority(const std::string& name);
  ~MadeAuthority();
  MadeAuthority(const MadeAuthority&) = delete;

  // The chain ends with the authority's own certificate.
  MadeCertificate Issue(const WantedCertificate& wanted) const;
  const std::string& pem() const { return pem_; }
  // An OCSP response about the first certificate of `chain_pem`, DER.
  std::string OcspResponse(const std::string& chain_pem, long until_seconds,
                           bool revoked = false) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string pem_;
};

}  // namespace koi
