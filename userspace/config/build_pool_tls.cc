// SPDX-License-Identifier: Apache-2.0
// TLS to backends.
#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

TlsVersion PoolVersion(const Section& section, absl::string_view key) {
  return section.GetOr<std::string>(key, "1.2") == "1.3" ? TlsVersion::k13 : TlsVersion::k12;
}

void CheckVerify(BuildContext& context, const Section& section, const PoolConfig& pool) {
  if (pool.tls.verify) return;
  for (const char* key : {"ca", "name"}) {
    if (!section.Written(key)) continue;
    context.problems.Error(section.PlaceOf(key),
                           absl::StrCat(key, " is of no use with verify = false"));
  }
  context.problems.Warn(section.PlaceOf("verify"),
                        absl::StrCat("pool \"", pool.name,
                                     "\" takes any certificate of its backends: who is between "
                                     "them and koi can read and change everything"));
}

void CheckName(BuildContext& context, const Section& section, absl::string_view key, bool address) {
  if (!section.Has(key)) return;
  const std::string& name = section.Get<std::string>(key);
  if (IsHostName(name) || (address && Address::Parse(name).ok())) return;
  context.problems.Error(section.PlaceOf(key), absl::StrCat(key, " \"", name, "\" is no DNS name",
                                                            address ? " and no address" : ""));
}

}  // namespace

void BuildPoolTls(BuildContext& context, const Section& section, PoolConfig& pool) {
  PoolTls& tls = pool.tls;
  pool.has_tls = section.GetOr("enabled", true);
  tls.verify = section.GetOr("verify", true);
  tls.name = section.GetOr<std::string>("name", "");
  tls.sni = section.GetOr<std::string>("sni", "");
  tls.min_version = PoolVersion(section, "min_version");
  tls.max_version = PoolVersion(section, "max_version");
  const std::string from = section.GetOr<std::string>("sni_from", "");
  if (!from.empty()) tls.sni_from = from == "client" ? SniSource::kClient : SniSource::kHost;
  CheckName(context, section, "name", true);
  CheckName(context, section, "sni", false);
  if (section.Written("sni") && section.Written("sni_from")) {
    context.problems.Error(section.PlaceOf("sni_from"),
                           "there are sni and sni_from; one of both is enough");
  }
  if (tls.min_version > tls.max_version) {
    context.problems.Error(section.PlaceOf("min_version"), "min_version is above max_version");
  }
  if (section.Written("certificate") != section.Written("key")) {
    context.problems.Error(section.place(),
                           "certificate and key of a pool's tls belong together; one is missing");
  }
  if (section.Has("certificate")) {
    pool.tls_files.certificate = ResolvedPath(context, section, "certificate");
  }
  if (section.Has("key")) pool.tls_files.key = ResolvedPath(context, section, "key");
  if (tls.verify && section.Has("ca")) pool.tls_files.ca = ResolvedPath(context, section, "ca");
  CheckVerify(context, section, pool);
}

}  // namespace koi
