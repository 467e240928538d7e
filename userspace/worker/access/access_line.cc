// SPDX-License-Identifier: Apache-2.0
// JSON, without a library: a line costs about as much as copying it.
#include "worker/access/access_line.h"

#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/check.h"

namespace koi {
namespace {

// Bounds of what is written of texts that others choose, escaped. Together with names, numbers and
// the members' own names they stay below kAccessLineBytes.
constexpr size_t kMethodBytes = 64;
constexpr size_t kHostBytes = 320;
constexpr size_t kPathBytes = 1600;
constexpr size_t kRequestIdBytes = 128;
constexpr size_t kServerNameBytes = 320;
constexpr size_t kMembersBytes = 1100;

constexpr absl::string_view kCutMark = "...";

// Bytes that stand for themselves inside a JSON string.
constexpr std::array<bool, 256> PlainBytes() {
  std::array<bool, 256> plain = {};
  for (int byte = 0x20; byte < 0x7f; ++byte) {
    plain[static_cast<size_t>(byte)] = byte != '"' && byte != '\\';
  }
  return plain;
}
constexpr std::array<bool, 256> kPlain = PlainBytes();

// Appends to memory that is known to suffice.
class LineWriter {
 public:
  explicit LineWriter(char* out) : begin_(out), at_(out) {}

  void Raw(absl::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void Number(uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  // Milliseconds with three digits behind the point.
  void Milliseconds(Duration duration) {
    const int64_t nanoseconds = duration.count();
    const auto microseconds = static_cast<uint64_t>(nanoseconds > 0 ? nanoseconds / 1000 : 0);
    Number(microseconds / 1000);
    const auto rest = static_cast<unsigned>(microseconds % 1000);
    const char digits[] = {'.', static_cast<char>('0' + rest / 100),
                           static_cast<char>('0' + rest / 10 % 10),
                           static_cast<char>('0' + rest % 10)};
    Raw({digits, sizeof(digits)});
  }
  // A whole JSON string of at most `limit` bytes between its quotes. `cut`: `text` is not all.
  void Text(absl::string_view text, size_t limit, bool cut = false) {
    *at_++ = '"';
    Escaped(text, limit, cut);
    *at_++ = '"';
  }
  char* at() { return at_; }
  void Skip(size_t bytes) { at_ += bytes; }
  size_t size() const { return static_cast<size_t>(at_ - begin_); }

 private:
  static constexpr size_t kLongestEscape = 6;

  void Escaped(absl::string_view text, size_t limit, bool cut) {
    const char* const end = at_ + limit - kCutMark.size() - kLongestEscape;
    size_t i = 0;
    for (; i < text.size() && at_ <= end; ++i) {
      const char byte = text[i];
      if (kPlain[static_cast<unsigned char>(byte)]) {
        *at_++ = byte;
      } else {
        Escape(byte);
      }
    }
    if (cut || i < text.size()) Raw(kCutMark);
  }
  void Escape(char byte) {
    if (byte == '"' || byte == '\\') {
      *at_++ = '\\';
      *at_++ = byte;
      return;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    Raw("\\u00");
    *at_++ = kDigits[value >> 4];
    *at_++ = kDigits[value & 15];
  }

  char* begin_;
  char* at_;
};

bool Happened(TimePoint time) { return time != TimePoint(); }

void WriteTimes(const AccessRecord& record, TimePoint end, LineWriter& line) {
  const auto span = [&](absl::string_view name, TimePoint from, TimePoint to) {
    if (!Happened(from) || !Happened(to)) return;
    line.Raw(name);
    line.Milliseconds(to - from);
  };
  span(",\"handshake_ms\":", record.accepted, record.handshaken);
  span(",\"queue_ms\":", record.asked, record.connecting);
  span(",\"connect_ms\":", record.connecting, record.connected);
  span(",\"first_byte_ms\":", record.connected, record.first_byte);
  span(",\"total_ms\":", record.begun, end);
}

void WriteRequest(const AccessRecord& record, LineWriter& line) {
  line.Raw(",\"method\":");
  line.Text(record.method.view(), kMethodBytes, record.method.cut());
  line.Raw(",\"host\":");
  line.Text(record.host.view(), kHostBytes, record.host.cut());
  line.Raw(",\"path\":");
  line.Text(record.path.view(), kPathBytes, record.path.cut());
}

}  // namespace

void AccessClock::Write(TimePoint time, char* out) {
  const int64_t nanoseconds = (time.time_since_epoch() + offset_).count();
  const int64_t second = nanoseconds / 1'000'000'000;
  if (second != second_) {
    second_ = second;
    const std::time_t seconds = second;
    std::tm parts = {};
    ::gmtime_r(&seconds, &parts);
    KOI_CHECK(std::strftime(text_, sizeof(text_), "%Y-%m-%dT%H:%M:%S", &parts) == 19);
  }
  std::memcpy(out, text_, 19);
  auto microseconds = static_cast<unsigned>(nanoseconds % 1'000'000'000 / 1000);
  out[19] = '.';
  for (int digit = 25; digit > 19; --digit, microseconds /= 10) {
    out[digit] = static_cast<char>('0' + microseconds % 10);
  }
  out[26] = 'Z';
}

std::string AccessMembers(const AccessConnection& connection) {
  char bytes[kMembersBytes];
  LineWriter line(bytes);
  constexpr size_t kShort = 96;  // addresses, names of the configuration
  line.Raw(",\"client\":");
  line.Text(connection.client.ToString(), kShort);
  line.Raw(",\"vip\":");
  line.Text(connection.vip.ToString(), kShort);
  line.Raw(",\"service\":");
  line.Text(connection.service, kShort);
  if (!connection.pool.empty()) {
    line.Raw(",\"pool\":");
    line.Text(connection.pool, kShort);
  }
  if (connection.tls != nullptr && connection.tls->version.empty()) {  // passed on
    line.Raw(",\"sni\":");
    line.Text(connection.tls->sni, kServerNameBytes);
  } else if (connection.tls != nullptr) {
    line.Raw(",\"tls\":");
    line.Text(connection.tls->version, kShort);
    line.Raw(",\"cipher\":");
    line.Text(connection.tls->cipher, kShort);
    line.Raw(connection.tls->resumed ? ",\"resumed\":true,\"sni\":"
                                     : ",\"resumed\":false,\"sni\":");
    line.Text(connection.tls->sni, kServerNameBytes);
  }
  return std::string(bytes, line.size());
}

size_t WriteAccessLine(const AccessRecord& record, const AccessEnd& end, AccessClock& clock,
                       char* out) {
  LineWriter line(out);
  line.Raw("{\"time\":\"");
  clock.Write(record.begun, line.at());
  line.Skip(27);
  line.Raw("\"");
  line.Raw(absl::string_view(record.members).substr(0, kMembersBytes));
  if (!end.backend.empty()) {
    line.Raw(",\"backend\":");
    line.Text(end.backend, 64);
    line.Raw(record.backend_reused ? ",\"backend_reused\":true" : ",\"backend_reused\":false");
  }
  WriteTimes(record, end.now, line);
  line.Raw(",\"bytes_in\":");
  line.Number(record.bytes_in);
  line.Raw(",\"bytes_out\":");
  line.Number(record.bytes_out);
  if (record.has_request) WriteRequest(record, line);
  if (record.status != 0) {
    line.Raw(",\"status\":");
    line.Number(static_cast<uint64_t>(record.status));
    line.Raw(record.keep_alive ? ",\"keep_alive\":true" : ",\"keep_alive\":false");
  }
  if (!record.request_id.view().empty()) {
    line.Raw(",\"request_id\":");
    line.Text(record.request_id.view(), kRequestIdBytes, record.request_id.cut());
  }
  if (!record.forwarded_for.view().empty()) {
    line.Raw(",\"forwarded_for\":\"");
    line.Raw(record.forwarded_for.view());
    line.Raw("\"");
  }
  line.Raw(",\"retries\":");
  line.Number(record.retries);
  line.Raw(",\"reason\":\"");
  line.Raw(CloseReasonName(end.reason));
  line.Raw("\"}\n");
  return line.size();
}

}  // namespace koi
