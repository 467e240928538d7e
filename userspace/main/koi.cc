// SPDX-License-Identifier: Apache-2.0
// koi: the command line.
#include <iostream>

#include "cli/run.h"

int main(int argc, char** argv) { return koi::RunCommandLine(argc, argv, std::cout, std::cerr); }
