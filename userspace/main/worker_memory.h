// SPDX-License-Identifier: Apache-2.0
// What a worker's memory comes from.
#pragma once

namespace koi {

// Makes OpenSSL take its memory from the worker's allocator, as operator new does in this program.
// To be called before anything of OpenSSL is used.
void GiveMemoryToOpenSsl();

}  // namespace koi
