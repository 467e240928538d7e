// SPDX-License-Identifier: Apache-2.0
// llhttp's callbacks, gathered.
#include "support/http/llhttp_reader.h"

#include <llhttp/llhttp.h>

#include "http/head.h"

namespace koi {
namespace {

struct Reading {
  LlhttpRequest request;
  bool in_trailers = false;
  std::string name;
  std::string value;
};

Reading& Of(llhttp_t* parser) { return *static_cast<Reading*>(parser->data); }

llhttp_settings_t Settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* parser, const char* at, size_t size) {
    Of(parser).request.target.append(at, size);
    return 0;
  };
  settings.on_header_field = [](llhttp_t* parser, const char* at, size_t size) {
    Of(parser).name.append(at, size);
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, size_t size) {
    Of(parser).value.append(at, size);
    return 0;
  };
  settings.on_header_value_complete = [](llhttp_t* parser) {
    Reading& reading = Of(parser);
    LlhttpFields& fields = reading.in_trailers ? reading.request.trailers : reading.request.headers;
    fields.emplace_back(reading.name, std::string(TrimOws(reading.value)));
    reading.name.clear();
    reading.value.clear();
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t* parser) {
    Of(parser).in_trailers = true;
    return 0;
  };
  settings.on_body = [](llhttp_t* parser, const char* at, size_t size) {
    Of(parser).request.body.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) {
    Of(parser).request.complete = true;
    return static_cast<int>(HPE_PAUSED);
  };
  return settings;
}

}  // namespace

LlhttpRequest ReadWithLlhttp(absl::string_view bytes) {
  static const llhttp_settings_t kSettings = Settings();
  Reading reading;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  parser.data = &reading;
  const llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
  LlhttpRequest& request = reading.request;
  if (request.complete) {
    const char* end = llhttp_get_error_pos(&parser);
    request.consumed = end == nullptr ? bytes.size() : static_cast<size_t>(end - bytes.data());
    request.method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
    request.minor_version = parser.http_minor;
  } else if (error != HPE_OK) {
    request.error = llhttp_errno_name(error);
  }
  return request;
}

}  // namespace koi
