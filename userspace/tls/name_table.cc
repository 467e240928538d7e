// SPDX-License-Identifier: Apache-2.0
// Names to certificates.
#include "tls/name_table.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace koi {
namespace {

constexpr size_t kMaxDnsName = 255;

// The best of `candidates` of each kind; only valid ones, or only others.
CertificateChoice Best(const absl::InlinedVector<NameTable::Candidate, 1>* candidates, bool valid,
                       int64_t now_s) {
  CertificateChoice choice;
  std::array<int64_t, kKeyKinds> until = {};
  if (candidates == nullptr) return choice;
  for (const NameTable::Candidate& candidate : *candidates) {
    if ((candidate.from_s <= now_s && now_s < candidate.until_s) != valid) continue;
    const auto kind = static_cast<size_t>(candidate.kind);
    if (choice.by_kind[kind] != CertificateChoice::kNone && until[kind] >= candidate.until_s)
      continue;
    choice.by_kind[kind] = candidate.number;
    until[kind] = candidate.until_s;
  }
  return choice;
}

}  // namespace

void NameTable::Add(absl::string_view name, const Candidate& candidate) {
  by_name_[name].push_back(candidate);
}

CertificateChoice NameTable::Choose(absl::string_view name, int64_t now_s) const {
  if (name.empty() || name.size() > kMaxDnsName) return {};
  char lower[kMaxDnsName];
  std::transform(name.begin(), name.end(), lower,
                 [](char c) { return absl::ascii_tolower(static_cast<unsigned char>(c)); });
  const absl::string_view own(lower, name.size());
  const Candidates* exact = Find(own);
  CertificateChoice choice = Best(exact, true, now_s);
  if (!choice.empty()) return choice;

  const Candidates* with_star = nullptr;
  const size_t dot = own.find('.');
  if (dot != absl::string_view::npos && dot > 0) {
    lower[dot - 1] = '*';
    with_star = Find(own.substr(dot - 1));
  }
  choice = Best(with_star, true, now_s);
  if (choice.empty()) choice = Best(exact, false, now_s);
  if (choice.empty()) choice = Best(with_star, false, now_s);
  return choice;
}

const NameTable::Candidates* NameTable::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

}  // namespace koi
