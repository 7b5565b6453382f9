// SPDX-License-Identifier: MIT
// Plant: one fault to put into the engine, and the reader of the list of them.
#pragma once

#include <fstream>
#include <string>
#include <vector>

namespace twofold::mutate {

struct Plant {
    std::string name = {};
    std::string file = {};   // below include/twofold/
    std::string before = {}; // whole lines, to be found exactly once
    std::string after = {};
};

// plants.txt:
//
//   plant NAME
//   file table/invalidate.hpp
//   -the line as it is
//   +the line as it becomes
//
// with as many lines of both kinds as it takes; those that are removed stand together in the file.
// Empty lines and lines that begin with # are for people.
inline std::vector<Plant> read_plants(const std::string& path, std::string& error) {
    std::vector<Plant> plants;
    std::ifstream in{path};
    std::string line;
    unsigned number = 0;
    while (std::getline(in, line)) {
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        if (line.starts_with("plant ")) {
            plants.push_back({.name = line.substr(6)});
        } else if (!plants.empty() && line.starts_with("file ")) {
            plants.back().file = line.substr(5);
        } else if (!plants.empty() && line.starts_with('-')) {
            plants.back().before += line.substr(1) + '\n';
        } else if (!plants.empty() && line.starts_with('+')) {
            plants.back().after += line.substr(1) + '\n';
        } else {
            error = path;
            error.append(":").append(std::to_string(number)).append(": ").append(line);
            return {};
        }
    }
    for (const Plant& plant : plants) {
        if (plant.file.empty() || plant.before.empty()) {
            error = path + ": " + plant.name + " has no file or no text";
        }
    }
    if (plants.empty() && error.empty()) {
        error = path + ": no plants";
    }
    return plants;
}

} // namespace twofold::mutate
