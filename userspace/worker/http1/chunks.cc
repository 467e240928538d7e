// SPDX-License-Identifier: Apache-2.0
// The bytes of chunks.
#include "worker/http1/chunks.h"

#include <string>

#include "http/trailers.h"
#include "http/writer.h"

namespace koi {

void AppendData(absl::string_view data, bool chunked, Buffer& out) {
  if (data.empty()) return;  // a chunk of no bytes would be the last one
  if (chunked) out.Append(ChunkHead(data.size()));
  out.Append(data);
  if (chunked) out.Append(kChunkEnd);
}

void AppendLastChunk(absl::string_view trailers, Buffer& out) {
  if (trailers.empty()) return out.Append(kLastChunk);
  std::string text = "0\r\n";
  WriteTrailers(trailers, text);
  out.Append(text);
}

}  // namespace koi
