// SPDX-License-Identifier: Apache-2.0
// OpenSSL errors as text.
#include "tls/error.h"

#include <openssl/err.h>

namespace koi {

std::string TakeTlsError() {
  const unsigned long code = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const char* reason = ::ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace koi
