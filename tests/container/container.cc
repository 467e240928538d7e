// SPDX-License-Identifier: Apache-2.0
// podman, by its command line.
#include "container/container.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

void Append(Argv& argv, const Argv& more) { argv.insert(argv.end(), more.begin(), more.end()); }

}  // namespace

std::string ContainerScript(const std::string& name) {
  return absl::StrCat(KOI_SOURCE_DIR, "/tests/container/", name);
}

Argv Podman(const Argv& arguments) {
  Argv argv = {ContainerScript("podman")};
  Append(argv, arguments);
  return argv;
}

Container::Container(Lab& lab, const std::string& name)
    : lab_(lab), host_(lab.Add(name)), container_(host_.namespace_name()) {
  for (const char* folder : {"/bpf", "/state"}) {
    const absl::Status made = MakeDirectories(absl::StrCat(host_.directory(), folder));
    if (!made.ok()) Die(std::string(made.message()));
  }
  lab.MustRun({"mount", "-t", "bpf", "bpf", absl::StrCat(host_.directory(), "/bpf")});
  lab.AtTakeDown(Podman({"rm", "--force", "--volumes", "--ignore", "--time", "0", container_}));
}

// Never the engine's own network: it would change the machine's. Never restarted: it would come up
// in the machine's namespace.
Argv Container::RunCommand(const Argv& flags) const {
  Argv argv = Podman({"run", "--name", container_, "--hostname", host_.name(),
                      absl::StrCat("--network=ns:/run/netns/", host_.namespace_name()),
                      absl::StrCat("--volume=", host_.directory(), "/bpf:/sys/fs/bpf"),
                      absl::StrCat("--volume=", host_.directory(), "/state:/var/lib/koi")});
  Append(argv, flags);
  return argv;
}

void Container::Start(const std::string& image, const Argv& flags, const Argv& arguments) {
  Argv argv = RunCommand({"--detach"});
  Append(argv, flags);
  argv.push_back(image);
  Append(argv, arguments);
  lab_.MustRun(argv);
}

ProgramResult Container::Run(const std::string& image, const Argv& flags,
                             const Argv& arguments) const {
  Argv argv = RunCommand({"--rm"});
  Append(argv, flags);
  argv.push_back(image);
  Append(argv, arguments);
  return lab_.Run(argv);
}

ProgramResult Container::Exec(const Argv& argv) const {
  Argv whole = Podman({"exec", container_});
  Append(whole, argv);
  return lab_.Run(whole);
}

ProgramResult Container::Koi(const Argv& arguments) const {
  Argv argv = {"koi"};
  Append(argv, arguments);
  return Exec(argv);
}

ProgramResult Container::HealthCheck() const {
  return lab_.Run(Podman({"healthcheck", "run", container_}));
}

void Container::Kill() { lab_.MustRun(Podman({"kill", "--signal=KILL", container_})); }

std::optional<int> Container::Stop() {
  if (!lab_.Run(Podman({"stop", "--time", "10", container_})).ok()) return std::nullopt;
  const ProgramResult code =
      lab_.Run(Podman({"inspect", "--format={{.State.ExitCode}}", container_}));
  int exit_code = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(code.out, "\n"), &exit_code)) return std::nullopt;
  return exit_code;
}

std::string Container::Log() const { return lab_.Run(Podman({"logs", container_})).Describe(); }

std::string Container::StateFile(const std::string& name) const {
  return absl::StrCat(host_.directory(), "/state/", name);
}

bool Container::HasAddress(const std::string& address) const {
  const ProgramResult result = host_.Run({"ip", "-o", "addr", "show", "dev", "eth0"});
  return result.out.find(absl::StrCat(" ", address, "/")) != std::string::npos;
}

}  // namespace koi::lab
