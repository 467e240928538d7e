// SPDX-License-Identifier: Apache-2.0
// Made certificates as workers are told them.
#pragma once

#include <memory>
#include <vector>

#include "protocol/worker_messages.h"
#include "support/tls/made_certificate.h"
#include "tls/certificate.h"

namespace koi {

// Also one whose key is another's, as no manager would send it.
std::shared_ptr<const Certificate> Loaded(const MadeCertificate& made);
MessageFile Bundled(const std::vector<MadeCertificate>& made);

}  // namespace koi
