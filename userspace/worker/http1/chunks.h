// SPDX-License-Identifier: Apache-2.0
// Writing bodies, chunked (RFC 9112, section 7.1) where the other side is told no length.
#pragma once

#include "absl/strings/string_view.h"
#include "worker/buffer.h"

namespace koi {

// `data` as it comes, or as one chunk.
void AppendData(absl::string_view data, bool chunked, Buffer& out);

// The end of a chunked body. `trailers` as BodyDecoder has them.
void AppendLastChunk(absl::string_view trailers, Buffer& out);

}  // namespace koi
