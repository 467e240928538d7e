// SPDX-License-Identifier: Apache-2.0
// Certificates of the lab's own, by the openssl program.
#include "support/lab/certificate.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"

namespace koi::lab {
namespace {

// What all of them are made by; `options` come last.
void Make(const Lab& lab, const Certificate& files, KeyKind kind, const Argv& options) {
  const bool rsa = kind == KeyKind::kRsa;
  Argv argv = {"openssl",
               "req",
               "-x509",
               "-newkey",
               rsa ? "rsa" : "ec",
               "-pkeyopt",
               rsa ? "rsa_keygen_bits:2048" : "ec_paramgen_curve:prime256v1",
               "-nodes",
               "-keyout",
               files.key,
               "-out",
               files.chain};
  argv.insert(argv.end(), options.begin(), options.end());
  lab.MustRun(argv);
}

Certificate Files(const Lab& lab, const std::string& name) {
  return {.chain = absl::StrCat(lab.directory(), "/", name, ".pem"),
          .key = absl::StrCat(lab.directory(), "/", name, ".key")};
}

// The system's would add extensions of its own.
std::string EmptyConfiguration(const Lab& lab) {
  const std::string path = absl::StrCat(lab.directory(), "/openssl.cnf");
  const absl::Status written = WriteFile(path, "[req]\ndistinguished_name = dn\n[dn]\n");
  if (!written.ok()) Die(std::string(written.message()));
  return path;
}

}  // namespace

Certificate MakeCertificate(const Lab& lab, const std::vector<std::string>& addresses,
                            const std::string& name, KeyKind kind) {
  const Certificate certificate = Files(lab, name);
  std::string names;
  for (const std::string& address : addresses) {
    absl::StrAppend(&names, names.empty() ? "subjectAltName=" : ",", "IP:", address);
  }
  Make(lab, certificate, kind, {"-days", "2", "-subj", "/CN=koi lab", "-addext", names});
  return certificate;
}

Certificate MakeAuthority(const Lab& lab) {
  const Certificate authority = Files(lab, "authority");
  Make(lab, authority, KeyKind::kEcdsa,
       {"-config", EmptyConfiguration(lab), "-days", "365", "-subj", "/CN=koi lab authority",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
        "keyUsage=critical,keyCertSign,cRLSign"});
  return authority;
}

Certificate IssueCertificate(const Lab& lab, const Certificate& authority,
                             const std::vector<std::string>& names, const std::string& name,
                             KeyKind kind) {
  const Certificate certificate = Files(lab, name);
  Make(lab, certificate, kind,
       {"-config", EmptyConfiguration(lab),
        "-CA",     authority.chain,
        "-CAkey",  authority.key,
        "-days",   "90",
        "-subj",   absl::StrCat("/CN=", name),
        "-addext", "basicConstraints=critical,CA:FALSE",
        "-addext", "keyUsage=critical,digitalSignature",
        "-addext", "extendedKeyUsage=serverAuth",
        "-addext", "crlDistributionPoints=URI:http://crl.koi.test/",
        "-addext", absl::StrCat("subjectAltName=", absl::StrJoin(names, ","))});
  return certificate;
}

}  // namespace koi::lab
