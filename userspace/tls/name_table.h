// SPDX-License-Identifier: Apache-2.0
// Which certificates are for a name that a client asks for.
#pragma once

#include <array>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "tls/certificate.h"

namespace koi {

// A certificate of each kind of key, by its number; the client decides which it can use.
struct CertificateChoice {
  static constexpr uint32_t kNone = ~uint32_t{0};
  std::array<uint32_t, kKeyKinds> by_kind = {kNone, kNone, kNone, kNone, kNone};

  bool empty() const { return *this == CertificateChoice(); }
  bool operator==(const CertificateChoice&) const = default;
};

class NameTable {
 public:
  struct Candidate {
    uint32_t number = 0;
    KeyKind kind = KeyKind::kEcdsa;
    int64_t from_s = 0;
    int64_t until_s = 0;
  };

  // `name` is in lower case, "*.koi.example" for all names with one label more, and outlives the
  // table.
  void Add(absl::string_view name, const Candidate& candidate);

  // For `name` in any case, at `now_s` since 1970. One that is for the name itself goes before one
  // with a "*"; but any that is valid goes before those that are not. Of several of one kind the
  // one that is valid longest.
  CertificateChoice Choose(absl::string_view name, int64_t now_s) const;

  size_t size() const { return by_name_.size(); }

 private:
  using Candidates = absl::InlinedVector<Candidate, 1>;
  const Candidates* Find(absl::string_view name) const;

  absl::flat_hash_map<absl::string_view, Candidates> by_name_;
};

}  // namespace koi
