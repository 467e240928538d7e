// SPDX-License-Identifier: Apache-2.0
// libcurl over a Unix socket.
#include "cli/manager_client.h"

#include <curl/curl.h>

#include <cerrno>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr long kAnswerLimitMs = 30'000;
// Where koi-manager reads all certificates first, and answers others meanwhile.
constexpr long kReadingLimitMs = 300'000;
constexpr size_t kMaxAnswerBytes = 64 << 20;

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct HeadersDeleter {
  void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};

size_t Collect(char* bytes, size_t size, size_t count, void* answer) {
  auto& text = *static_cast<std::string*>(answer);
  if (text.size() + size * count > kMaxAnswerBytes) return 0;  // ends the transfer
  text.append(bytes, size * count);
  return size * count;
}

// Why `curl` got no answer from `socket`.
absl::Status NoAnswer(CURL* curl, CURLcode result, const std::string& socket, long limit_ms) {
  const std::string what = absl::StrCat("cannot reach koi-manager at ", socket, ": ");
  if (result == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError(
        absl::StrCat(what, "no answer in ", limit_ms / 1000, " seconds"));
  }
  long os_errno = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
  if (result != CURLE_COULDNT_CONNECT || os_errno == 0) {
    return absl::UnavailableError(absl::StrCat(what, curl_easy_strerror(result)));
  }
  const absl::Status reason = absl::ErrnoToStatus(static_cast<int>(os_errno), "");
  const absl::string_view text = absl::StripPrefix(reason.message(), ": ");
  if (os_errno == EACCES || os_errno == EPERM) {
    return absl::PermissionDeniedError(absl::StrCat(what, text));
  }
  return absl::UnavailableError(absl::StrCat(what, text, "; is koid running?"));
}

// What an HTTP error status means, in the words of koi-manager.
absl::Status Refusal(long status, const std::string& body) {
  const std::string why = DecodeError(body);
  switch (status) {
    case 400: return absl::InvalidArgumentError(why);
    case 401:
    case 403: return absl::PermissionDeniedError(why);
    case 404: return absl::NotFoundError(why);
    case 409: return absl::FailedPreconditionError(why);
    case 503: return absl::UnavailableError(why);
    case 504: return absl::DeadlineExceededError(why);
    case 507: return absl::ResourceExhaustedError(why);
    default: return absl::InternalError(absl::StrCat("koi-manager answers ", status, ": ", why));
  }
}

}  // namespace

absl::StatusOr<ManagerClient::Answer> ManagerClient::Ask(const std::string& path,
                                                         const std::string& body) const {
  const bool reads = path == "/reload" || path == "/diff" || path == "/certificates/reload";
  const long limit_ms = reads ? kReadingLimitMs : kAnswerLimitMs;
  const std::unique_ptr<CURL, CurlDeleter> curl(curl_easy_init());
  if (curl == nullptr) return absl::InternalError("cannot start libcurl");
  const std::unique_ptr<curl_slist, HeadersDeleter> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  Answer answer;
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, absl::StrCat("http://koi-manager", path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, limit_ms);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (!body.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  const CURLcode result = curl_easy_perform(curl.get());
  if (result != CURLE_OK) return NoAnswer(curl.get(), result, socket_, limit_ms);
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

absl::StatusOr<std::string> ManagerClient::Request(const std::string& path,
                                                   const std::string& body) const {
  KOI_ASSIGN_OR_RETURN(Answer answer, Ask(path, body));
  if (answer.status != 200) return Refusal(answer.status, answer.body);
  return std::move(answer.body);
}

absl::StatusOr<std::string> ManagerClient::StatsJson() const { return Request("/stats"); }

absl::StatusOr<Health> ManagerClient::AskHealth() const {
  KOI_ASSIGN_OR_RETURN(const Answer answer, Ask("/health", ""));
  const std::string why(absl::StripSuffix(answer.body, "\n"));
  if (answer.status == 200 || answer.status == 503) return Health{answer.status == 200, why};
  return Refusal(answer.status, answer.body);
}

absl::StatusOr<Stats> ManagerClient::CollectStats() const {
  KOI_ASSIGN_OR_RETURN(const std::string json, StatsJson());
  absl::StatusOr<Stats> stats = DecodeStats(json);
  if (stats.ok()) return stats;
  return absl::InternalError(
      absl::StrCat("cannot read koi-manager's answer: ", stats.status().message()));
}

absl::StatusOr<DiffReport> ManagerClient::CollectDiff() const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/diff"));
  return DecodeDiffReport(json);
}

absl::StatusOr<ReloadReport> ManagerClient::Reload() const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/reload", "{}"));
  return DecodeReloadReport(json);
}

absl::StatusOr<BackendChange> ManagerClient::Change(const std::string& path,
                                                    const std::string& body) const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request(path, body));
  return DecodeBackendChange(json);
}

absl::StatusOr<BackendChange> ManagerClient::AddBackend(const BackendAdd& backend) const {
  return Change("/backends/add", EncodeJson(backend));
}

absl::StatusOr<BackendChange> ManagerClient::DrainBackend(const BackendName& backend) const {
  return Change("/backends/drain", EncodeJson(backend));
}

absl::StatusOr<BackendChange> ManagerClient::UndrainBackend(const BackendName& backend) const {
  return Change("/backends/undrain", EncodeJson(backend));
}

absl::StatusOr<BackendChange> ManagerClient::WeightBackend(const BackendWeight& backend) const {
  return Change("/backends/weight", EncodeJson(backend));
}

absl::StatusOr<BackendChange> ManagerClient::RemoveBackend(const BackendName& backend) const {
  return Change("/backends/remove", EncodeJson(backend));
}

absl::StatusOr<CertificateList> ManagerClient::ListCertificates() const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/certificates"));
  return DecodeCertificateList(json);
}

absl::StatusOr<CertificateList> ManagerClient::ReloadCertificates() const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/certificates/reload", "{}"));
  return DecodeCertificateList(json);
}

absl::StatusOr<CpuStats> ManagerClient::ReplaceWorker(const WorkerReplace& order) const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/workers/replace", EncodeJson(order)));
  return DecodeCpuStats(json);
}

absl::StatusOr<DenyReport> ManagerClient::AddDenied(const DenyOrder& order) const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/deny/add", EncodeJson(order)));
  return DecodeDenyReport(json);
}

absl::StatusOr<DenyReport> ManagerClient::RemoveDenied(const DenyOrder& order) const {
  KOI_ASSIGN_OR_RETURN(const std::string json, Request("/deny/remove", EncodeJson(order)));
  return DecodeDenyReport(json);
}

absl::StatusOr<std::string> ManagerClient::ExplainJson(const ExplainOrder& order) const {
  return Request("/explain", EncodeJson(order));
}

absl::StatusOr<std::string> ManagerClient::DeniedJson() const { return Request("/deny"); }

}  // namespace koi
