// SPDX-License-Identifier: Apache-2.0
// Counts and lengths before what they are of.
#include "tls/certificate_bundle.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/bytes.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr char kBundleFormat[] = "koi certificates 1";

void PutBytes(absl::string_view bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size()));
  writer.Bytes(bytes);
}

absl::string_view GetBytes(ByteReader& reader) {
  const uint32_t bytes = reader.U32();
  return reader.Bytes(bytes);
}

std::string GetOwned(ByteReader& reader) { return std::string(GetBytes(reader)); }

std::string About(const Certificate& certificate) {
  ByteWriter writer;
  PutBytes(certificate.files.chain_file, writer);
  PutBytes(certificate.files.key_file, writer);
  PutBytes(certificate.files.ocsp_file, writer);
  PutBytes(certificate.facts.subject, writer);
  PutBytes(certificate.facts.until, writer);
  PutBytes(certificate.facts.fingerprint, writer);
  PutBytes(certificate.digest, writer);
  PutBytes(certificate.texts_digest, writer);
  for (const std::string& name : certificate.facts.names) PutBytes(name, writer);
  return writer.Take();
}

void ReadAbout(absl::string_view about, Certificate& out) {
  ByteReader reader(about);
  out.files.chain_file = GetOwned(reader);
  out.files.key_file = GetOwned(reader);
  out.files.ocsp_file = GetOwned(reader);
  out.facts.subject = GetOwned(reader);
  out.facts.until = GetOwned(reader);
  out.facts.fingerprint = GetOwned(reader);
  out.digest = GetOwned(reader);
  out.texts_digest = GetOwned(reader);
  while (reader.ok() && !reader.rest().empty()) out.facts.names.push_back(GetOwned(reader));
}

void PutCertificate(const Certificate& certificate, const std::vector<uint32_t>& issuers,
                    ByteWriter& writer) {
  writer.U8(static_cast<uint8_t>(certificate.kind));
  writer.U64(static_cast<uint64_t>(certificate.facts.from_s));
  writer.U64(static_cast<uint64_t>(certificate.facts.until_s));
  writer.U64(static_cast<uint64_t>(certificate.ocsp_until_s));
  writer.U32(static_cast<uint32_t>(certificate.names.size()));
  for (const std::string& name : certificate.names) PutBytes(name, writer);
  PutBytes(certificate.chain[0], writer);
  writer.U32(static_cast<uint32_t>(issuers.size()));
  for (const uint32_t issuer : issuers) writer.U32(issuer);
  PutBytes(certificate.key, writer);
  PutBytes(certificate.ocsp, writer);
  PutBytes(About(certificate), writer);
}

BundledCertificate GetCertificate(ByteReader& reader) {
  BundledCertificate certificate;
  certificate.kind = static_cast<KeyKind>(reader.U8());
  certificate.from_s = static_cast<int64_t>(reader.U64());
  certificate.until_s = static_cast<int64_t>(reader.U64());
  certificate.ocsp_until_s = static_cast<int64_t>(reader.U64());
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    certificate.names.push_back(GetBytes(reader));
  }
  certificate.own = GetBytes(reader);
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    certificate.issuers.push_back(reader.U32());
  }
  certificate.key = GetBytes(reader);
  certificate.ocsp = GetBytes(reader);
  certificate.about = GetBytes(reader);
  return certificate;
}

bool Fits(const BundledCertificate& certificate, const Bundle& bundle) {
  if (static_cast<size_t>(certificate.kind) >= kKeyKinds) return false;
  for (const uint32_t issuer : certificate.issuers) {
    if (issuer >= bundle.issuers.size()) return false;
  }
  return true;
}

}  // namespace

std::string EncodeBundle(const CertificateSet& certificates) {
  absl::flat_hash_map<absl::string_view, uint32_t> places;
  std::vector<absl::string_view> issuers;
  ByteWriter own;
  for (const auto& certificate : certificates) {
    std::vector<uint32_t> numbers;
    for (size_t i = 1; i < certificate->chain.size(); ++i) {
      const auto [place, is_new] =
          places.try_emplace(certificate->chain[i], static_cast<uint32_t>(issuers.size()));
      if (is_new) issuers.emplace_back(certificate->chain[i]);
      numbers.push_back(place->second);
    }
    PutCertificate(*certificate, numbers, own);
  }
  ByteWriter writer;
  PutBytes(kBundleFormat, writer);
  writer.U32(static_cast<uint32_t>(issuers.size()));
  for (const absl::string_view issuer : issuers) PutBytes(issuer, writer);
  writer.U32(static_cast<uint32_t>(certificates.size()));
  writer.Bytes(own.bytes());
  return writer.Take();
}

absl::StatusOr<Bundle> DecodeBundle(absl::string_view bytes) {
  const absl::Status broken = absl::DataLossError("a bundle of certificates cannot be read");
  ByteReader reader(bytes);
  if (GetBytes(reader) != kBundleFormat) return broken;
  Bundle bundle;
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    bundle.issuers.push_back(GetBytes(reader));
  }
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    bundle.certificates.push_back(GetCertificate(reader));
    if (!Fits(bundle.certificates.back(), bundle)) return broken;
  }
  if (!reader.ok() || !reader.rest().empty()) return broken;
  return bundle;
}

absl::StatusOr<CertificateSet> CertificatesOf(absl::string_view bytes) {
  KOI_ASSIGN_OR_RETURN(const Bundle bundle, DecodeBundle(bytes));
  CertificateSet certificates;
  for (const BundledCertificate& bundled : bundle.certificates) {
    Certificate certificate{.kind = bundled.kind};
    ReadAbout(bundled.about, certificate);
    certificate.facts.from_s = bundled.from_s;
    certificate.facts.until_s = bundled.until_s;
    certificate.ocsp_until_s = bundled.ocsp_until_s;
    for (const absl::string_view name : bundled.names) certificate.names.emplace_back(name);
    certificate.chain.emplace_back(bundled.own);
    for (const uint32_t issuer : bundled.issuers) {
      certificate.chain.emplace_back(bundle.issuers[issuer]);
    }
    certificate.key = std::string(bundled.key);
    certificate.ocsp = std::string(bundled.ocsp);
    certificates.push_back(std::make_shared<const Certificate>(std::move(certificate)));
  }
  return certificates;
}

}  // namespace koi
