// SPDX-License-Identifier: Apache-2.0
// Session tickets as OpenSSL has them made and read: by the keys that all workers share.
#pragma once

#include <memory>

#include "tls/ticket_keys.h"

using EVP_CIPHER = struct evp_cipher_st;
using SSL_CTX = struct ssl_ctx_st;

namespace koi {

class TicketTable {
 public:
  // With keys of its own, until it is told others.
  TicketTable();

  void Set(const TicketKeys& keys) { keys_ = keys; }

  // Contexts that use it must not outlive it.
  void UseIn(SSL_CTX* context);

 private:
  friend struct TicketCallback;
  struct Free {
    void operator()(EVP_CIPHER* cipher) const;
  };

  TicketKeys keys_;
  std::unique_ptr<EVP_CIPHER, Free> cipher_;  // fetched once: a fetch a ticket adds up
};

}  // namespace koi
