// SPDX-License-Identifier: Apache-2.0
// koi's version, as CMakeLists.txt has it.
#pragma once

namespace koi {

inline constexpr char kVersion[] = KOI_VERSION;

}  // namespace koi
