// SPDX-License-Identifier: Apache-2.0
// Texts and primes of l4 services.
#include "config/l4_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace koi {

std::string ListenText(const Endpoint& endpoint) {
  const std::string text = endpoint.ToString();
  if (endpoint.port != 0) return text;
  return absl::StrCat(absl::StripSuffix(text, "0"), "*");
}

bool IsPrime(uint32_t number) {
  if (number < 2) return false;
  for (uint32_t divisor = 2; divisor <= number / divisor; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

uint32_t NextPrime(uint32_t number) {
  while (!IsPrime(number)) ++number;
  return number;
}

}  // namespace koi
