// SPDX-License-Identifier: MIT
// Servers of the two protocols, written from their documentation.
#include "fake_qemu.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

namespace twofold::tool {

namespace {

using Json = nlohmann::json;

FileDescriptor listen_at(const std::string& path) {
    FileDescriptor listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(std::begin(address.sun_path), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    EXPECT_EQ(listen(listener.number(), 4), 0);
    return listener;
}

bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string packet(std::string_view data) {
    unsigned sum = 0;
    for (const char c : data) {
        sum += static_cast<unsigned char>(c);
    }
    return fmt::format("${}#{:02x}", data, sum % 256);
}

std::string little_endian_hex(std::uint64_t value) {
    std::string text;
    for (unsigned i = 0; i < 8; ++i) {
        text += fmt::format("{:02x}", value >> (8 * i) & 0xff);
    }
    return text;
}

// False when there is nothing more, or all is over.
bool more(int socket, int end, std::string& text) {
    std::array<pollfd, 2> fds{{{.fd = socket, .events = POLLIN, .revents = 0},
                               {.fd = end, .events = POLLIN, .revents = 0}}};
    if (poll(fds.data(), fds.size(), -1) <= 0 || fds[1].revents != 0) {
        return false;
    }
    std::array<char, 4096> bytes{};
    const ssize_t received = recv(socket, bytes.data(), bytes.size(), 0);
    if (received <= 0) {
        return false;
    }
    text.append(bytes.data(), static_cast<std::size_t>(received));
    return true;
}

} // namespace

FakeQemu::FakeQemu() : folder_{TemporaryFolder::make().value()} {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    end_ = FileDescriptor{ends[0]};
    end_writer_ = FileDescriptor{ends[1]};
}

FakeQemu::~FakeQemu() {
    end_writer_.close();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void FakeQemu::start() {
    qmp_ = listen_at(qmp_path());
    gdb_ = listen_at(gdb_path());
    threads_.emplace_back([this] { serve(qmp_.number(), [this](int s) { serve_qmp(s); }); });
    threads_.emplace_back([this] { serve(gdb_.number(), [this](int s) { serve_gdb(s); }); });
}

void FakeQemu::serve(int listener, const std::function<void(int)>& client) const {
    while (true) {
        std::array<pollfd, 2> fds{{{.fd = listener, .events = POLLIN, .revents = 0},
                                   {.fd = end_.number(), .events = POLLIN, .revents = 0}}};
        if (poll(fds.data(), fds.size(), -1) <= 0 || fds[1].revents != 0) {
            return;
        }
        const FileDescriptor socket{accept(listener, nullptr, nullptr)};
        client(socket.number());
    }
}

bool FakeQemu::is_running() {
    const std::lock_guard lock{mutex_};
    return running;
}
bool FakeQemu::is_physical() {
    const std::lock_guard lock{mutex_};
    return physical_;
}
bool FakeQemu::was_stopped_before_reading() {
    const std::lock_guard lock{mutex_};
    return !read_while_running_;
}
unsigned FakeQemu::reads() {
    const std::lock_guard lock{mutex_};
    return reads_;
}

void FakeQemu::serve_qmp(int socket) {
    std::string unread;
    if (!send_all(socket, greeting + "\r\n")) {
        return;
    }
    while (more(socket, end_.number(), unread)) {
        for (std::size_t end = 0; (end = unread.find('\n')) != std::string::npos;) {
            const std::string line = unread.substr(0, end);
            unread.erase(0, end + 1);
            const std::string command = Json::parse(line).at("execute");
            const auto said = qmp_says ? qmp_says(command) : std::nullopt;
            if (said == "drop") {
                return;
            }
            if (said == "mute") {
                continue;
            }
            if (!send_all(socket, (said ? *said : qmp_reply(command, line)) + "\r\n")) {
                return;
            }
        }
    }
}

std::string FakeQemu::qmp_reply(std::string_view command, std::string_view line) {
    const std::lock_guard lock{mutex_};
    const Json request = Json::parse(line);
    Json reply{{"return", Json::object()}, {"id", request.value("id", Json())}};
    std::string event;
    if (command == "stop" || command == "cont") {
        running = command == "cont";
        event = fmt::format(R"({{"event": "{}"}})", running ? "RESUME" : "STOP") + "\r\n";
    } else if (command == "query-status") {
        reply["return"] = {{"running", running}, {"status", running ? "running" : "paused"}};
    } else if (command == "query-chardev") {
        reply["return"] = Json::array();
    } else if (command == "human-monitor-command") {
        const std::string text = request.at("arguments").at("command-line");
        unsigned count = 0;
        unsigned long long pa = 0;
        if (std::sscanf(text.c_str(), "xp /%uxg %llx", &count, &pa) == 2) {
            ++reads_;
            read_while_running_ |= running;
            std::string words_text;
            for (unsigned i = 0; i < count; ++i) {
                const auto found = words.find(pa + 8 * i);
                words_text += i % 2 == 0 ? fmt::format("{:016x}:", pa + 8 * i) : "";
                words_text += fmt::format(" {:#018x}", found == words.end() ? 0 : found->second);
                words_text += i % 2 == 1 ? "\r\n" : "";
            }
            reply["return"] = words_text;
        } else {
            reply["return"] = memory_tree;
        }
    } else if (command != "qmp_capabilities") {
        reply = {{"error", {{"class", "CommandNotFound"}, {"desc", "unknown"}}},
                 {"id", request.value("id", Json())}};
    }
    return event + reply.dump();
}

void FakeQemu::serve_gdb(int socket) {
    {
        const std::lock_guard lock{mutex_};
        if (running) {
            running = false;
            send_all(socket, packet("T02thread:01;"));
        }
    }
    std::string unread;
    while (more(socket, end_.number(), unread)) {
        while (true) {
            unread.erase(0, unread.find('$'));
            const std::size_t end = unread.find('#');
            if (end == std::string::npos || unread.size() < end + 3) {
                break;
            }
            const std::string request = unread.substr(1, end - 1);
            unread.erase(0, end + 3);
            const auto said = gdb_says ? gdb_says(request) : std::nullopt;
            if (said == "drop") {
                return;
            }
            if (said == "mute") {
                continue;
            }
            const std::string reply = said ? *said : gdb_reply(request);
            if (!send_all(socket,
                          "+" + gdb_noise +
                              (reply.starts_with("raw:") ? reply.substr(4) : packet(reply)))) {
                return;
            }
        }
    }
}

std::string FakeQemu::description(std::string_view name) const {
    if (name == "target.xml") {
        return R"(<?xml version="1.0"?><target><architecture>aarch64</architecture>)"
               R"(<xi:include href="core.xml"/><xi:include href="system.xml"/></target>)";
    }
    if (name == "core.xml") {
        return R"(<feature><reg name="x0" bitsize="64"/><reg name="x1" bitsize="64"/></feature>)";
    }
    std::string text = "<feature>";
    for (const auto& [reg, value] : cpus.front().registers) {
        text += fmt::format(R"(<reg name="{}" bitsize="64" group="cp_regs"/>)", reg);
    }
    return text + "</feature>";
}

std::string FakeQemu::memory(std::uint64_t pa, std::uint64_t bytes) const {
    std::string text;
    for (std::uint64_t at = pa; at < pa + bytes; ++at) {
        const auto found = words.find(at & ~std::uint64_t{7});
        const std::uint64_t word = found == words.end() ? 0 : found->second;
        text += fmt::format("{:02x}", word >> (8 * (at % 8)) & 0xff);
    }
    return text;
}

std::string FakeQemu::gdb_reply(std::string_view request) {
    const std::lock_guard lock{mutex_};
    const std::string text{request};
    if (text.starts_with("qSupported")) {
        return "PacketSize=1000;qXfer:features:read+";
    }
    if (text == "qfThreadInfo") {
        told_ = 1;
        return "m01";
    }
    if (text == "qsThreadInfo") {
        return told_ < cpus.size() ? fmt::format("m{:02x}", ++told_) : "l";
    }
    if (text.starts_with("qXfer:features:read:")) {
        const std::size_t colon = text.rfind(':');
        const std::string name = text.substr(20, colon - 20);
        const std::size_t comma = text.rfind(',');
        const auto offset = std::stoull(text.substr(colon + 1), nullptr, 16);
        const auto length = std::stoull(text.substr(comma + 1), nullptr, 16);
        const std::string whole = description(name);
        const std::string part = whole.substr(offset, length);
        return (offset + part.size() == whole.size() ? "l" : "m") + part;
    }
    if (text.starts_with("Hg")) {
        selected_ = std::stoull(text.substr(2), nullptr, 16) - 1;
        return selected_ < cpus.size() ? "OK" : "E22";
    }
    if (text.starts_with("p")) {
        read_while_running_ |= running;
        auto left = std::stoull(text.substr(1), nullptr, 16) - 2; // behind x0 and x1
        for (const auto& [name, value] : cpus.at(selected_).registers) {
            if (left-- == 0) {
                return little_endian_hex(value);
            }
        }
        return "E14";
    }
    if (text.starts_with("Qqemu.PhyMemMode:")) {
        physical_ = text.back() == '1' && physical_memory;
        return physical_memory ? "OK" : "";
    }
    if (text.starts_with("m")) {
        ++reads_;
        read_while_running_ |= running;
        const std::size_t comma = text.find(',');
        return physical_ ? memory(std::stoull(text.substr(1), nullptr, 16),
                                  std::stoull(text.substr(comma + 1), nullptr, 16))
                         : "E14";
    }
    if (text == "D") {
        running = true;
        return "OK";
    }
    return "";
}

void FakeQemu::add_guest() {
    const std::uint64_t everything = 0x0000'0323'1020'1126;
    const Cpu guest{{{"VTCR_EL2", 0x802d'3558},
                     {"VTTBR_EL2", 0x0005'0000'4000'0000},
                     {"HCR_EL2", 0x8000'0001},
                     {"SCTLR_EL2", 0},
                     {"ID_AA64MMFR0_EL1", everything},
                     {"ID_AA64MMFR1_EL1", 0x1021'2122},
                     {"ID_AA64MMFR2_EL1", 0x1011}}};
    cpus = {guest, guest, guest};
    cpus[1].registers["VTTBR_EL2"] |= 1; // CnP
    cpus[2].registers["HCR_EL2"] = 0x8000'0000;
    words = {{0x4000'0008, 0x8000'07fd | std::uint64_t{0x40000000}},
             {0x4000'0010, 0x4000'2003},
             {0x4000'2000, 0x4000'3003},
             {0x4000'3008, 0x9000'17ff}};
    memory_tree = "FlatView #0\r\n AS \"memory\", root: system\r\n Root memory region: system\r\n"
                  "  0000000009000000-0000000009000fff (prio 0, i/o): pl011\r\n"
                  "  0000000040000000-00000000ffffffff (prio 0, ram): mach-virt.ram\r\n\r\n";
}

} // namespace twofold::tool
