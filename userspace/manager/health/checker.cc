// SPDX-License-Identifier: Apache-2.0
// Timers and probes of the backends.
#include "manager/health/checker.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "net/proxy_protocol.h"

namespace koi {
namespace {

// "cannot connect: Connection refused" reads better without our own half.
std::string Reason(const absl::Status& result) {
  absl::string_view message = result.message();
  const size_t colon = message.rfind(": ");
  if (colon != absl::string_view::npos) message.remove_prefix(colon + 2);
  std::string reason(message);
  if (!reason.empty()) reason[0] = absl::ascii_tolower(static_cast<unsigned char>(reason[0]));
  return reason;
}

// What a backend that expects a PROXY header gets: a connection of koi's own.
std::string Greeting(SendProxy version) {
  switch (version) {
    case SendProxy::kOff: return "";
    case SendProxy::kV1: return WriteProxyV1Unknown();
    case SendProxy::kV2: return WriteProxyV2Local();
  }
  KOI_UNREACHABLE();
}

}  // namespace

void HealthChecker::Watch(const BackendEntry& backend, const CheckConfig& check) {
  std::string why;
  if (const auto found = targets_.find(backend.number); found != targets_.end()) {
    const Target& before = *found->second;
    const bool same_backend = before.incarnation == backend.incarnation;
    if (same_backend && before.check == check) return;
    if (same_backend) why = before.why;
  }
  auto target = std::make_unique<Target>(Target{backend.number,
                                                backend.incarnation,
                                                backend.endpoint,
                                                check,
                                                RiseFall(check.rise, check.fall, backend.health),
                                                std::move(why),
                                                nullptr,
                                                {}});
  Target& watched = *target;
  targets_[backend.number] = std::move(target);
  // Numbers follow each other, so the low bits spread the backends evenly over the interval.
  const Duration part = backend.health == BackendHealth::kUnknown
                            ? Duration::zero()
                            : check.interval * (backend.number % 16) / 16;
  watched.timer = loop_.After(part, [this, &watched] { Probe(watched); });
}

void HealthChecker::Forget(uint32_t number) { targets_.erase(number); }

std::string HealthChecker::Why(uint32_t number) const {
  const auto found = targets_.find(number);
  return found == targets_.end() ? "" : found->second->why;
}

void HealthChecker::Probe(Target& target) {
  target.timer = loop_.After(target.check.interval, [this, &target] { Probe(target); });
  if (target.probe != nullptr)
    return;  // the last one still has time; its interval is shorter than its timeout
  target.probe = TcpProbe::Start(
      loop_, target.endpoint, target.check.timeout, Greeting(target.check.send_proxy),
      [this, &target](const absl::Status& result) { OnResult(target, result); });
}

void HealthChecker::OnResult(Target& target, const absl::Status& result) {
  target.probe.reset();
  const BackendHealth before = target.rise_fall.health();
  const BackendHealth after =
      result.ok() ? target.rise_fall.Succeeded() : target.rise_fall.Failed();
  target.why = result.ok() ? "takes connections" : Reason(result);
  // A copy: the callback may make the caller forget this target.
  const std::string why = target.why;
  if (after != before) on_change_(target.number, after, why);
}

}  // namespace koi
