// SPDX-License-Identifier: Apache-2.0
// Chance, and the memory of where flows were.
#include "packet/model/simulation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client sends its SYN again no later, as far as R6 is concerned.
constexpr Duration kSynAgain = milliseconds(3200);

}  // namespace

L4Times Simulation::Times() {
  return {.idle = {.tcp = milliseconds(60'200), .udp = milliseconds(30'600)},
          .handshake = milliseconds(4200),
          .full = milliseconds(5000)};
}

Simulation::Simulation(const FlowModel::Setup& setup, Rule left_out, uint32_t seed, RealNode* real)
    : setup_(setup),
      model_(setup, left_out),
      real_(real),
      random_(seed),
      now_(FromNanoseconds(1'000'000'000'000'000)),
      clients_(kFlows) {
  for (int flow = 0; flow < kFlows; ++flow) {
    Client& client = clients_[flow];
    client.udp = flow >= kTcpFlows;
    client.slot = real != nullptr ? real->SlotOf(flow, client.udp) : Pick(setup.slots);
  }
  for (int i = 0; i < 3; ++i) Add();
}

bool Simulation::Chance(double probability) {
  return static_cast<double>(random_()) < probability * 4294967296.0;
}

void Simulation::Wrong(uint64_t& count, const std::string& what) {
  if (result_.first.empty()) {
    result_.first = absl::StrCat("at ", ToMilliseconds(now_.time_since_epoch()), " ms: ", what);
  }
  ++count;
}

SimulationResult Simulation::Run(int steps) {
  for (int step = 0; step < steps; ++step) {
    now_ += kStep;
    // The first looks find nothing; what begins with them rests.
    const bool settled = step > 30;
    FreeNumbers();
    const bool restarts = settled && Chance(0.01);
    if (!restarts && settled && Chance(0.12)) ChangeSomething();
    if (restarts) {
      model_.Restart();
      if (real_ != nullptr) real_->Restart(model_.backends, now_);
    }
    model_.Tick(now_);
    if (real_ != nullptr && !restarts) real_->Tick(model_.backends, now_);
    if (real_ != nullptr && real_->moved() != model_.moved()) {
      Wrong(result_.disagreements,
            absl::StrCat("moved slots: ", real_->moved(), ", the model has ", model_.moved()));
    }
    result_.moved_slots += model_.moved();
    for (int flow = 0; flow < kFlows; ++flow) Serve(flow);
    if (model_.full() == now_) ++result_.refused;
    if (result_.moved_flows + result_.disagreements > 0) break;
  }
  return result_;
}

void Simulation::Add() {
  for (uint16_t number = kFirstNumber; number < kFirstNumber + kNumbers; ++number) {
    if (model_.backends.contains(number)) continue;
    ++made_;
    model_.backends[number] = {.name = absl::StrCat("backend-", made_),
                               .weight = 50 + Pick(3) * 75};
    incarnations_[number] = made_;
    not_since_.erase(number);
    return;
  }
}

// What was removed is there, draining, until its number is free.
void Simulation::FreeNumbers() {
  for (auto backend = model_.backends.begin(); backend != model_.backends.end();) {
    const uint16_t number = backend->first;
    const bool removed = backend->second.weight == 0;
    if (!removed || !(real_ != nullptr ? real_->Free(number) : model_.MayFree(number))) {
      ++backend;
      continue;
    }
    if (real_ != nullptr && model_.Names(number)) {
      Wrong(result_.disagreements, absl::StrCat("backend ", number, " is not free"));
    }
    backend = model_.backends.erase(backend);
  }
}

void Simulation::GoDown(uint16_t number) {
  model_.backends[number].down = true;
  not_since_.emplace(number, now_);
  for (Client& client : clients_) {
    if (client.backend != number) continue;
    // It is lost; or it stays, but for one whose SYN may be sent again: that one may get through.
    if (setup_.leave_down) {
      client.backend = 0;
    } else if (!client.udp && now_ <= client.began + kSynAgain) {
      client.alive = false;
    }
  }
}

void Simulation::ChangeSomething() {
  if (model_.backends.size() < 3 || Chance(0.2)) return Add();
  auto chosen = model_.backends.begin();
  std::advance(chosen, Pick(static_cast<uint32_t>(model_.backends.size())));
  ModelBackend& backend = chosen->second;
  const uint16_t number = chosen->first;
  switch (Pick(8)) {
    case 0:
      backend.weight = 0;  // removed
      backend.enabled = false;
      not_since_.emplace(number, now_);
      break;
    case 1:
    case 2:
      if (!backend.enabled) break;
      backend.enabled = false;
      not_since_.emplace(number, now_);
      break;
    case 3:
    case 4:
      if (backend.weight == 0) break;
      backend.enabled = true;
      if (!backend.down) not_since_.erase(number);
      break;
    case 5:
      if (backend.weight != 0) backend.weight = 20 + Pick(10) * 30;
      break;
    case 6: GoDown(number); break;
    case 7:
      backend.down = false;
      if (backend.enabled) not_since_.erase(number);
      break;
  }
}

// One flow's packets of a step.
void Simulation::Serve(int flow) {
  Client& client = clients_[flow];
  if (!client.alive) {
    if (Chance(0.08)) Begin(flow);
    return;
  }
  const Duration idle = client.udp ? seconds(30) : seconds(60);
  if (!client.udp && now_ <= client.began + kSynAgain && now_ > client.began && Chance(0.3)) {
    Send(flow, /*syn=*/true, /*about=*/false);
  }
  if (now_ + kStep - client.last > idle) {
    if (Chance(0.3)) {
      client.alive = false;
      return;
    }
    Send(flow, /*syn=*/false, /*about=*/false);
  } else if (Chance(client.pace)) {
    Send(flow, /*syn=*/false, /*about=*/false);
  }
  if (client.alive && Chance(0.02)) Send(flow, /*syn=*/false, /*about=*/true);
  // It ends, or its tuple is used again at once.
  if (client.alive && Chance(0.01)) {
    if (Chance(0.5)) {
      client.alive = false;
    } else if (!client.udp) {
      Begin(flow);
    }
  }
}

void Simulation::Begin(int flow) {
  Client& client = clients_[flow];
  // To koi a datagram within this time belongs to the flow before.
  if (client.udp && now_ - client.last < seconds(40)) return;
  client.alive = true;
  client.sequence = client.udp ? 0 : static_cast<uint32_t>(random_());
  client.began = now_;
  client.last = now_;
  client.pace = Chance(0.5) ? 0.4 : 0.02;
  client.backend = 0;
  ++result_.flows;
  Send(flow, /*syn=*/!client.udp, /*about=*/false);
  if (!client.udp && Chance(0.7)) Send(flow, /*syn=*/false, /*about=*/false);
}

void Simulation::Send(int flow, bool syn, bool about) {
  Client& client = clients_[flow];
  const ModelPacket packet{.flow = flow,
                           .slot = client.slot,
                           .udp = client.udp,
                           .syn = syn,
                           .about = about,
                           .piece = !syn && !about && Chance(0.05),
                           .sequence = client.sequence + (syn || client.udp ? 0 : 1)};
  const std::string before = model_.Describe(packet);
  const uint16_t backend = model_.Send(packet, now_);
  ++result_.packets;
  if (real_ != nullptr) {
    const uint16_t really = real_->Send(packet, now_);
    if (really != backend) {
      Wrong(result_.disagreements,
            absl::StrCat(before, ": it went to ", really, ", the model says ", backend));
    }
  }
  if (!about) client.last = now_;
  Judge(flow, packet, backend);
}

void Simulation::Judge(int flow, const ModelPacket& packet, uint16_t backend) {
  Client& client = clients_[flow];
  const uint64_t incarnation = backend == 0 ? 0 : incarnations_[backend];
  if (client.backend != 0) {
    if (client.backend == backend && client.incarnation == incarnation) return;
    Wrong(result_.moved_flows, absl::StrCat(model_.Describe(packet), ": the flow was at ",
                                            client.backend, " and is at ", backend));
    return;
  }
  if (packet.about) return;
  if (backend == 0) {
    client.alive = false;
    return;
  }
  client.backend = backend;
  client.incarnation = incarnation;
  // New connections keep away from who is leaving, but where koi_flows was full.
  const auto left = not_since_.find(backend);
  const bool was_full = model_.full() != TimePoint() && now_ < model_.full() + seconds(20);
  if (packet.syn && now_ == client.began && left != not_since_.end() &&
      now_ > left->second + seconds(6) && !was_full && !model_.backends[backend].down) {
    Wrong(result_.moved_flows,
          absl::StrCat(model_.Describe(packet), ": new, and sent to ", backend, ", which drains"));
  }
}

}  // namespace koi
