// SPDX-License-Identifier: Apache-2.0
// A certificate of the lab's own, by the openssl program.
#include "support/lab/certificate.h"

#include "absl/strings/str_cat.h"

namespace koi::lab {

Certificate MakeCertificate(const Lab& lab, const std::vector<std::string>& addresses,
                            const std::string& name, KeyKind kind) {
  Certificate certificate = {.chain = absl::StrCat(lab.directory(), "/", name, ".pem"),
                             .key = absl::StrCat(lab.directory(), "/", name, ".key")};
  std::string names;
  for (const std::string& address : addresses) {
    absl::StrAppend(&names, names.empty() ? "subjectAltName=" : ",", "IP:", address);
  }
  const bool rsa = kind == KeyKind::kRsa;
  lab.MustRun({"openssl", "req", "-x509", "-newkey", rsa ? "rsa" : "ec", "-pkeyopt",
               rsa ? "rsa_keygen_bits:2048" : "ec_paramgen_curve:prime256v1", "-nodes", "-days",
               "2", "-subj", "/CN=koi lab", "-addext", names, "-keyout", certificate.key, "-out",
               certificate.chain});
  return certificate;
}

}  // namespace koi::lab
