// SPDX-License-Identifier: Apache-2.0
// Passing an absl::Status up, in one line.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace koi {

// `status` with what the caller was doing in front: "cannot open VIP map: No such file or
// directory".
inline absl::Status Annotate(const absl::Status& status, absl::string_view doing) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(doing, ": ", status.message()));
}

}  // namespace koi

#define KOI_RETURN_IF_ERROR(expression)        \
  do {                                         \
    absl::Status koi_status_ = (expression);   \
    if (!koi_status_.ok()) return koi_status_; \
  } while (false)

#define KOI_CONCAT_INNER(a, b) a##b
#define KOI_CONCAT(a, b) KOI_CONCAT_INNER(a, b)

// KOI_ASSIGN_OR_RETURN(const Fd fd, OpenFile(path)): the value, or the function returns the error.
#define KOI_ASSIGN_OR_RETURN(declaration, expression) \
  KOI_ASSIGN_OR_RETURN_INNER(KOI_CONCAT(koi_result_, __LINE__), declaration, expression)
#define KOI_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  declaration = *std::move(result)
