// SPDX-License-Identifier: Apache-2.0
// An HTTP client for tests of servers that run in an event loop of the same process.
#pragma once

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

#include "net/event_loop.h"

namespace koi {

struct Fetch {
  std::string url;  // "http://127.0.0.1:8404/stats"
  std::string method = "GET";
  std::string body = {};
  std::string credentials = {};  // "user:password"
  std::string unix_socket = {};
  bool chunked = false;  // the body's length is not announced
};

struct Fetched {
  CURLcode result = CURLE_OK;
  long status = 0;
  std::string headers;
  std::string body;
};

inline size_t AppendTo(char* bytes, size_t size, size_t count, void* text) {
  static_cast<std::string*>(text)->append(bytes, size * count);
  return size * count;
}

inline Fetched BlockingFetch(const Fetch& fetch) {
  Fetched fetched;
  CURL* curl = curl_easy_init();
  curl_slist* headers = fetch.chunked ? curl_slist_append(nullptr, "Transfer-Encoding: chunked")
                                      : curl_slist_append(nullptr, "Expect:");
  curl_easy_setopt(curl, CURLOPT_URL, fetch.url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetch.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10'000L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, AppendTo);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &fetched.body);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &fetched.headers);
  if (!fetch.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fetch.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(fetch.body.size()));
  }
  if (!fetch.credentials.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERPWD, fetch.credentials.c_str());
  }
  if (!fetch.unix_socket.empty()) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, fetch.unix_socket.c_str());
  }
  fetched.result = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetched.status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return fetched;
}

// Fetches in a thread while `loop` turns in this one.
inline Fetched FetchFrom(EventLoop& loop, const Fetch& fetch) {
  std::future<Fetched> fetched = std::async(std::launch::async, BlockingFetch, fetch);
  while (fetched.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    loop.Turn(std::chrono::milliseconds(5));
  }
  return fetched.get();
}

}  // namespace koi
