// SPDX-License-Identifier: Apache-2.0
// Requests to actions, actions' results to responses.
#include "manager/control/routes.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "config/state.h"
#include "manager/control/user_name.h"
#include "manager/stats/metrics.h"
#include "manager/stats/prometheus_writer.h"

namespace koi {
namespace {

HttpResponse Json(std::string body) {
  return {.content_type = "application/json", .body = std::move(body)};
}

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument: return 400;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition: return 409;
    case absl::StatusCode::kResourceExhausted: return 507;
    case absl::StatusCode::kUnavailable: return 503;
    case absl::StatusCode::kDeadlineExceeded: return 504;
    default: return 500;
  }
}

HttpResponse Failure(const absl::Status& status) {
  HttpResponse response = Json(EncodeError(status.message()));
  response.status = HttpStatus(status.code());
  return response;
}

HttpResponse Index(ControlActions& actions, const HttpRequest&) {
  const Stats stats = actions.CollectStats();
  return {.body = absl::StrCat("koi ", stats.version, " on ", stats.node, ": ", stats.role,
                               "\n\n"
                               "/stats        everything, as JSON\n"
                               "/stats/cpu/N  the worker of one CPU, as JSON\n"
                               "/metrics      for Prometheus\n"
                               "/health       200 while this host can do its work, else 503 and "
                               "why\n")};
}

HttpResponse AllStats(ControlActions& actions, const HttpRequest&) {
  return Json(EncodeJson(actions.CollectStats()));
}

HttpResponse Metrics(ControlActions& actions, const HttpRequest&) {
  return {.content_type = kPrometheusContentType, .body = PrometheusText(actions.CollectStats())};
}

// A host whose backends are down is well: another host would reach them no better.
HttpResponse Health(ControlActions& actions, const HttpRequest&) {
  const Stats stats = actions.CollectStats();
  const bool serving = std::any_of(stats.cpus.begin(), stats.cpus.end(),
                                   [](const CpuStats& cpu) { return cpu.state == "serving"; });
  if (!serving) return {.status = 503, .body = "no worker serves\n"};
  if (stats.role == "master" && !stats.xdp.attached) {
    return {.status = 503,
            .body = absl::StrCat("master, but XDP is not attached: ", stats.xdp.why, "\n")};
  }
  return {.body = "ok\n"};
}

constexpr char kCpuPath[] = "/stats/cpu/";

HttpResponse OneCpu(ControlActions& actions, const HttpRequest& request) {
  absl::string_view number = request.path;
  absl::ConsumePrefix(&number, kCpuPath);
  int wanted = 0;
  if (absl::SimpleAtoi(number, &wanted)) {
    for (const CpuStats& cpu : actions.CollectStats().cpus) {
      if (cpu.cpu == wanted) return Json(EncodeJson(cpu));
    }
  }
  return Failure(absl::NotFoundError(absl::StrCat("there is no worker for CPU ", number)));
}

// Decodes the request's body, does `change`, encodes its result.
template <typename Argument>
HttpResponse Change(ControlActions& actions, const HttpRequest& request,
                    const absl::StatusOr<Argument>& argument,
                    absl::StatusOr<BackendChange> (ControlActions::*change)(const Argument&,
                                                                            const std::string&)) {
  if (!argument.ok()) return Failure(argument.status());
  if (argument->reason.size() > kMaxReasonBytes) {
    return Failure(absl::InvalidArgumentError(absl::StrCat(
        "the reason has ", argument->reason.size(), " bytes, of at most ", kMaxReasonBytes)));
  }
  const std::string by = UserName(request.peer_uid);
  const absl::StatusOr<BackendChange> result = (actions.*change)(*argument, by);
  if (!result.ok()) return Failure(result.status());
  LogInfo("backend-changed", {{"request", request.path},
                              {"pool", argument->pool},
                              {"backend", argument->name},
                              {"by", by},
                              {"peer", request.peer},
                              {"why", argument->reason}});
  return Json(EncodeJson(*result));
}

HttpResponse Add(ControlActions& actions, const HttpRequest& request) {
  return Change(actions, request, DecodeBackendAdd(request.body), &ControlActions::AddBackend);
}

HttpResponse Drain(ControlActions& actions, const HttpRequest& request) {
  return Change(actions, request, DecodeBackendName(request.body), &ControlActions::DrainBackend);
}

HttpResponse Undrain(ControlActions& actions, const HttpRequest& request) {
  return Change(actions, request, DecodeBackendName(request.body), &ControlActions::UndrainBackend);
}

HttpResponse Remove(ControlActions& actions, const HttpRequest& request) {
  return Change(actions, request, DecodeBackendName(request.body), &ControlActions::RemoveBackend);
}

HttpResponse Weight(ControlActions& actions, const HttpRequest& request) {
  return Change(actions, request, DecodeBackendWeight(request.body),
                &ControlActions::WeightBackend);
}

HttpResponse ReplaceWorker(ControlActions& actions, const HttpRequest& request) {
  const absl::StatusOr<WorkerReplace> order = DecodeWorkerReplace(request.body);
  if (!order.ok()) return Failure(order.status());
  const absl::StatusOr<CpuStats> begun = actions.ReplaceWorker(*order);
  if (!begun.ok()) return Failure(begun.status());
  LogInfo("worker-replace", {{"cpu", order->cpu}, {"peer", request.peer}});
  return Json(EncodeJson(*begun));
}

HttpResponse Certificates(ControlActions& actions, const HttpRequest&) {
  return {.later = [&actions](const HttpResponse::Answer& answer) {
    actions.ListCertificates([answer](std::string json) { answer(Json(std::move(json))); });
  }};
}

HttpResponse ReloadCertificates(ControlActions& actions, const HttpRequest& request) {
  LogInfo("certificates-reload", {{"peer", request.peer}});
  return {.later = [&actions](const HttpResponse::Answer& answer) {
    actions.ReloadCertificates(
        [answer](const CertificateList& list) { answer(Json(EncodeJson(list))); });
  }};
}

HttpResponse Diff(ControlActions& actions, const HttpRequest&) {
  return {.later = [&actions](const HttpResponse::Answer& answer) {
    actions.CollectDiff([answer](const absl::StatusOr<DiffReport>& report) {
      answer(report.ok() ? Json(EncodeJson(*report)) : Failure(report.status()));
    });
  }};
}

HttpResponse Reload(ControlActions& actions, const HttpRequest& request) {
  return {.later = [&actions, by = UserName(request.peer_uid)](const HttpResponse::Answer& answer) {
    actions.Reload(by, [answer](const absl::StatusOr<ReloadReport>& report) {
      answer(report.ok() ? Json(EncodeJson(*report)) : Failure(report.status()));
    });
  }};
}

// Has `change` done, and logs what became of it.
HttpResponse ChangeDenied(ControlActions& actions, const HttpRequest& request,
                          void (ControlActions::*change)(std::string, ControlActions::DenyDone)) {
  return {.later = [&actions, request, change](const HttpResponse::Answer& answer) {
    const auto done = [answer, path = request.path, by = UserName(request.peer_uid),
                       peer = request.peer](const absl::StatusOr<DenyReport>& report) {
      if (!report.ok()) return answer(Failure(report.status()));
      LogInfo("deny-changed", {{"request", path},
                               {"added", report->added},
                               {"removed", report->removed},
                               {"denied", report->denied},
                               {"by", by},
                               {"peer", peer}});
      answer(Json(EncodeJson(*report)));
    };
    (actions.*change)(request.body, done);
  }};
}

HttpResponse AddDenied(ControlActions& actions, const HttpRequest& request) {
  return ChangeDenied(actions, request, &ControlActions::AddDenied);
}

HttpResponse RemoveDenied(ControlActions& actions, const HttpRequest& request) {
  return ChangeDenied(actions, request, &ControlActions::RemoveDenied);
}

HttpResponse ListDenied(ControlActions& actions, const HttpRequest&) {
  return {.later = [&actions](const HttpResponse::Answer& answer) {
    actions.ListDenied([answer](const absl::StatusOr<std::string>& json) {
      answer(json.ok() ? Json(*json) : Failure(json.status()));
    });
  }};
}

HttpResponse Explain(ControlActions& actions, const HttpRequest& request) {
  const absl::StatusOr<ExplainOrder> order = DecodeExplainOrder(request.body);
  if (!order.ok()) return Failure(order.status());
  const absl::StatusOr<ExplainReport> report = actions.Explain(*order);
  return report.ok() ? Json(EncodeJson(*report)) : Failure(report.status());
}

enum class RouteKind {
  kOpen,     // reads, by GET, on the stats port too
  kPrivate,  // reads, by GET, on the Unix socket alone
  kChanges,  // or asks with a body, by POST, on the Unix socket alone
};

struct Route {
  absl::string_view path;  // or its beginning, where it ends in "/" and is not "/"
  RouteKind kind;
  HttpResponse (*answer)(ControlActions&, const HttpRequest&);
};

constexpr Route kRoutes[] = {
    {"/", RouteKind::kOpen, Index},
    {"/stats", RouteKind::kOpen, AllStats},
    {kCpuPath, RouteKind::kOpen, OneCpu},
    {"/metrics", RouteKind::kOpen, Metrics},
    {kHealthPath, RouteKind::kOpen, Health},
    {"/backends/add", RouteKind::kChanges, Add},
    {"/backends/drain", RouteKind::kChanges, Drain},
    {"/backends/undrain", RouteKind::kChanges, Undrain},
    {"/backends/remove", RouteKind::kChanges, Remove},
    {"/backends/weight", RouteKind::kChanges, Weight},
    {"/workers/replace", RouteKind::kChanges, ReplaceWorker},
    {"/certificates", RouteKind::kOpen, Certificates},
    {"/certificates/reload", RouteKind::kChanges, ReloadCertificates},
    {"/deny", RouteKind::kPrivate, ListDenied},
    {"/deny/add", RouteKind::kChanges, AddDenied},
    {"/deny/remove", RouteKind::kChanges, RemoveDenied},
    {"/diff", RouteKind::kPrivate, Diff},
    {"/explain", RouteKind::kChanges, Explain},
    {"/reload", RouteKind::kChanges, Reload},
};

bool Matches(const Route& route, absl::string_view path) {
  const bool beginning = route.path.size() > 1 && absl::EndsWith(route.path, "/");
  return beginning ? absl::StartsWith(path, route.path) : path == route.path;
}

HttpResponse Answer(ControlActions& actions, bool private_too, const HttpRequest& request) {
  for (const Route& route : kRoutes) {
    if (!Matches(route, request.path)) continue;
    if (route.kind != RouteKind::kOpen && !private_too) continue;
    const bool changes = route.kind == RouteKind::kChanges;
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (changes ? request.method == "POST" : reads) return route.answer(actions, request);
    HttpResponse refused = Json(
        EncodeError(absl::StrCat(request.path, " takes ", changes ? "POST" : "GET", " alone")));
    refused.status = 405;
    return refused;
  }
  return Failure(absl::NotFoundError(absl::StrCat("there is no ", request.path, "; / lists all")));
}

}  // namespace

HttpHandler ControlHandler(ControlActions& actions) {
  return [&actions](const HttpRequest& request) { return Answer(actions, true, request); };
}

HttpHandler StatsHandler(ControlActions& actions) {
  return [&actions](const HttpRequest& request) { return Answer(actions, false, request); };
}

}  // namespace koi
