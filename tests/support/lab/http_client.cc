// SPDX-License-Identifier: Apache-2.0
// An HTTP and HTTPS client for tests.
#include "support/lab/http_client.h"

#include <curl/curl.h>
#include <signal.h>

#include <array>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"

namespace koi::lab {
namespace {

size_t Append(char* data, size_t size, size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

}  // namespace

std::string HttpAnswer::Failure() const {
  return status == 0 ? error : absl::StrCat("status ", status);
}

struct HttpClient::State {
  HttpClientOptions options;
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> error = {};
};

HttpClient::HttpClient(HttpClientOptions options) : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the server has closed
  });
  state_->options = std::move(options);
  state_->curl = curl_easy_init();
}

HttpClient::~HttpClient() { curl_easy_cleanup(state_->curl); }

HttpAnswer HttpClient::Get(const std::string& url) {
  HttpAnswer answer;
  CURL* curl = state_->curl;
  const HttpClientOptions& options = state_->options;
  state_->error[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(ToMilliseconds(options.timeout)));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, state_->error.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, options.keep_alive ? 0L : 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, options.keep_alive ? 0L : 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, options.keep_alive ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.user_password.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERPWD, options.user_password.c_str());
  }

  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    answer.error = state_->error[0] != '\0' ? state_->error.data() : curl_easy_strerror(code);
    return answer;
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) answer.location = location;
  return answer;
}

}  // namespace koi::lab
