// SPDX-License-Identifier: Apache-2.0
// Reading what TLS to backends needs.
#include "manager/pool_loader.h"

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tls/certificates.h"
#include "tls/client_context.h"

namespace koi {
namespace {

// The texts that pools trust, by digest: one copy serves them all.
using Trusts = std::map<std::string, std::shared_ptr<const std::string>>;

absl::Status LoadPoolTls(const PoolConfig& pool, const ConfigFileReader& read, Trusts& trusts,
                         WorkerPool& told, std::vector<std::string>& warnings) {
  const PoolTls& tls = pool.tls;
  const PoolTlsFiles& files = pool.tls_files;
  told.has_tls = true;
  told.tls = {.verify = tls.verify,
              .name = tls.name,
              .sni = tls.sni,
              .sni_from = tls.sni_from,
              .tls12 = tls.min_version == TlsVersion::k12,
              .tls13 = tls.max_version == TlsVersion::k13};
  std::string ca_pem;
  if (tls.verify) {
    KOI_ASSIGN_OR_RETURN(ca_pem, read(files.ca));
    told.tls.trust.digest = TrustDigest(ca_pem);
    std::shared_ptr<const std::string>& text = trusts[told.tls.trust.digest];
    if (text == nullptr) text = std::make_shared<const std::string>(ca_pem);
    told.tls.trust.pem = text;
  }
  if (!files.certificate.empty()) {
    KOI_ASSIGN_OR_RETURN(told.tls.chain_pem, read(files.certificate));
    KOI_ASSIGN_OR_RETURN(told.tls.key_pem, read(files.key));
    const absl::StatusOr<ParsedCertificate> parsed =
        ParseCertificate(told.tls.chain_pem, told.tls.key_pem);
    if (!parsed.ok()) {
      return Annotate(parsed.status(), absl::StrCat(files.certificate, " with ", files.key));
    }
    const std::string warning = ValidityWarning(*parsed);
    if (!warning.empty()) {
      warnings.push_back(
          absl::StrCat("pool \"", pool.name, "\": ", files.certificate, ": ", warning));
    }
  }
  const absl::Status usable = ClientTlsContext::Create({.verify = tls.verify,
                                                        .ca_pem = std::move(ca_pem),
                                                        .chain_pem = told.tls.chain_pem,
                                                        .key_pem = told.tls.key_pem})
                                  .status();
  return usable.ok() ? usable : Annotate(usable, files.ca);
}

}  // namespace

LoadedPools LoadPools(const Config& config, const ConfigFileReader& read) {
  LoadedPools loaded;
  Trusts trusts;
  for (const PoolConfig& pool : config.pools) {
    if (pool.is_l4()) continue;
    WorkerPool told{.number = pool.number,
                    .name = pool.name,
                    .balance = pool.balance,
                    .slow_start = pool.slow_start,
                    .send_proxy = pool.send_proxy,
                    .timeouts = pool.timeouts,
                    .limits = pool.limits};
    if (pool.has_tls) {
      const absl::Status usable = LoadPoolTls(pool, read, trusts, told, loaded.warnings);
      if (!usable.ok()) {
        loaded.errors.push_back(absl::StrCat("pool \"", pool.name, "\": tls: ", usable.message()));
      }
    }
    loaded.pools.push_back(std::move(told));
  }
  return loaded;
}

}  // namespace koi
