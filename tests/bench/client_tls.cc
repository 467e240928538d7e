// SPDX-License-Identifier: Apache-2.0
// The load client's side of TLS.
#include "bench/client_tls.h"

#include <openssl/err.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"

namespace koi::bench {
namespace {

constexpr size_t kSessionsMax = 4096;

}  // namespace

std::string TlsError() {
  char text[256] = "no reason given";
  const uint64_t error = ERR_peek_last_error();
  if (error != 0) ERR_error_string_n(error, text, sizeof(text));
  ERR_clear_error();
  return text;
}

ClientTls::ClientTls(bool resume) : context_(SSL_CTX_new(TLS_client_method())) {
  KOI_CHECK(context_ != nullptr);
  SSL_CTX* context = context_.get();
  KOI_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  KOI_CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
  KOI_CHECK(SSL_CTX_set1_groups_list(context, "X25519") == 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (!resume) return;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_sess_set_new_cb(context, Keep);
}

int ClientTls::Keep(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<ClientTls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (self->sessions_.size() >= kSessionsMax) return 0;
  self->sessions_.emplace_back(session);
  return 1;
}

SslPointer ClientTls::Start(int fd, bool resuming) {
  if (resuming && sessions_.empty()) return nullptr;
  SslPointer ssl(SSL_new(context_.get()));
  KOI_CHECK(ssl != nullptr && SSL_set_fd(ssl.get(), fd) == 1);
  SSL_set_connect_state(ssl.get());
  if (resuming) {
    SSL_set_session(ssl.get(), sessions_.back().get());
    sessions_.pop_back();
  }
  return ssl;
}

std::string ClientTls::Wrong(SSL* ssl, bool resuming) {
  const absl::string_view cipher = SSL_get_cipher_name(ssl);
  if (cipher != "TLS_AES_128_GCM_SHA256") return absl::StrCat("the cipher is ", cipher);
  if (SSL_get_negotiated_group(ssl) != NID_X25519) return "the group is not X25519";
  if (resuming && SSL_session_reused(ssl) == 0) return "the session was not resumed";
  if (!resuming && SSL_session_reused(ssl) != 0) return "a session was resumed";
  return "";
}

}  // namespace koi::bench
