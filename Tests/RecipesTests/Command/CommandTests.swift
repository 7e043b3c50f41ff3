// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

/// What the system refuses a command ends it with words and an exit code, never with a signal.
@Suite(.serialized, .enabled(if: dist2Program != nil, "dist2 has not been built beside the tests"))
struct CommandTests {
  @Test func fewDescriptors() throws {
    let lab = try CommandLab()
    try lab.writeRun()
    // With fewer the system cannot load the program.
    for count in [5, 8, 16] {
      let outcome = try lab.run("ulimit -n \(count); exec $D train run.yaml -o o\(count)")
      #expect(outcome.code == 1 || outcome.code == 127, "\(count): \(outcome)")
      if outcome.code == 1 { #expect(outcome.errors.contains("ulimit -n"), "\(outcome.errors)") }
    }
    // Where it may, it raises the limit itself.
    let raised = try lab.run("ulimit -Sn 8; exec $D train run.yaml -o o")
    #expect(raised.code == 0, "\(raised)")
  }

  /// Without room for another thread it goes on with one: libdispatch waited for ever.
  @Test func littleMemoryForThreads() throws {
    let lab = try CommandLab()
    try lab.writeRun()
    for mebibytes in [560, 700, 1000] {
      let outcome = try lab.run("ulimit -v \(mebibytes << 10); exec $D train run.yaml -o o\(mebibytes)", seconds: 30)
      // No room even to begin is said by libtorch, in its way.
      #expect([0, 1, 134].contains(outcome.code), "\(mebibytes): \(outcome)")
    }
  }

  @Test(arguments: [SIGHUP, SIGTERM, SIGINT, SIGKILL]) func workersEndWithCompare(_ number: Int32) throws {
    let lab = try CommandLab()
    try lab.writeRun("{ steps: 1000000, batch: 16, samples: 1 }")
    let process = try lab.start(
      "exec $D compare run.yaml -o c --objectives sft,dist --seeds 1 --jobs 2 >/dev/null 2>&1")
    defer { kill(process, SIGKILL) }
    func workers() -> [pid_t] {
      ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }.filter { id in
        guard id != process,
          (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")) == lab.folder,
          let words = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(id)/cmdline"))
        else { return false }
        return String(decoding: words, as: UTF8.self).contains("-run")
      }
    }
    var seen = [pid_t]()
    for _ in 0..<300 where seen.count < 2 {
      usleep(100_000)
      seen = workers()
    }
    #expect(seen.count == 2)
    kill(process, number)
    for _ in 0..<50 where !workers().isEmpty { usleep(100_000) }
    #expect(workers().isEmpty)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  @Test func streamsThatTakeNothing() throws {
    let lab = try CommandLab()
    try lab.write("lines.jsonl", "{\"prompt\": \"1+1=\"}\n")
    let generate = "$D generate m --data lines.jsonl --max-new-tokens 2"
    #expect(try lab.run(generate).code == 0)
    for (line, code) in [
      ("\(generate) >&-", 1), ("\(generate) >/dev/full", 1), ("$D --version >/dev/full", 1), ("$D --help >&-", 1),
      ("$D inspect nosuch.yaml 2>&-", 1), ("$D inspect nosuch.yaml 2>/dev/full", 1), ("$D inspect 2>/dev/full", 2),
      ("$D inspect 2>&-", 2), ("\(generate) 2>&-", 0), ("$D generate m <&-", 1), ("$D generate m </", 1),
      ("\(generate) <&- 2>&-", 0),
    ] as [(String, Int32)] {
      let outcome = try lab.run(line)
      #expect(outcome.code == code, "\(line): \(outcome)")
    }
  }

  /// What is not UTF-8, or too long, is one bad line.
  @Test func oneBadLine() throws {
    let lab = try CommandLab()
    func line(_ id: String) -> [UInt8] { Array("{\"id\": \"\(id)\", \"prompt\": \"x\"}\n".utf8) }
    let bytes = line("a") + [0x7B, 0xFF, 0x0A] + line("c")
    try AtomicFile.write(bytes, to: lab.folder + "/lines.jsonl")
    let generate = "$D generate m --data lines.jsonl --max-new-tokens 2"
    let strict = try lab.run(generate)
    #expect(strict.code == 1, "\(strict)")
    #expect(strict.errors.contains("lines.jsonl: line 2: expected text in UTF-8"), "\(strict)")
    let patient = try lab.run("\(generate) --set data.skipBad=true")
    let lines = patient.output.split(separator: "\n")
    try #require(patient.code == 0 && lines.count == 3, "\(patient)")
    #expect(lines[0].contains("\"a\"") && lines[2].contains("\"c\""))
    #expect(lines[1].contains("error") && lines[1].contains("line 2"))
  }

  /// What a command finds wrong while it runs is said as what its parser finds: with the command's own usage.
  @Test func wrongUsageNamesTheCommand() throws {
    let lab = try CommandLab()
    try lab.write("table.csv", "x,y\n" + (0..<30).map { "\($0),\($0 % 7)\n" }.joined())
    for (line, command) in [
      ("$D train table.csv", "dist2 train"), ("$D init table.csv", "dist2 init"),
      ("$D train run.yaml --target y", "dist2 train"), ("$D train table.csv --processes 2 --target y", "dist2 train"),
      ("$D study --noises x", "dist2 study"), ("$D reproduce grounding --side 15", "dist2 reproduce grounding"),
      ("$D study --variants nosuch", "dist2 study"), ("$D train", "dist2 train"),
    ] {
      let outcome = try lab.run(line)
      #expect(outcome.code == 2, "\(line): \(outcome)")
      #expect(outcome.errors.hasPrefix("Error: "), "\(line): \(outcome.errors)")
      #expect(outcome.errors.contains("Usage: \(command) "), "\(line): \(outcome.errors)")
      #expect(outcome.errors.contains("See '\(command) --help'"), "\(line): \(outcome.errors)")
    }
    for (line, near) in [("$D trian run.yaml", "dist2 train"), ("$D claims", "dist2 reproduce claims")] {
      let outcome = try lab.run(line)
      #expect(outcome.code == 2 && outcome.errors.contains("Did you mean '\(near)'?"), "\(line): \(outcome)")
    }
    // What is named in place of a run file is called by its name.
    try lab.write("rows.jsonl", "{\"prompt\": \"a\", \"completion\": \"1\"}\n")
    for (line, words) in [
      ("$D inspect table.csv", "dist2 init table.csv --target COLUMN"),
      ("$D compare rows.jsonl", "data: { train: rows.jsonl }"),
      ("mkdir run; touch run/run.yaml; $D inspect run", "Name the file in it: run/run.yaml."),
      (
        "printf 'model: m\nmetrics: [{ tokens: digits }]' > sft.yaml; $D compare sft.yaml --objectives sft,dists",
        "Did you mean dist?"
      ),
    ] {
      let outcome = try lab.run(line)
      #expect(outcome.code != 0 && outcome.errors.contains(words), "\(line): \(outcome)")
    }
    #expect(try lab.run("$D compare --help").output.contains("How many seeds. Default: 3."))
    // A table's run that cannot begin leaves nothing behind.
    for (set, words) in [
      ("train.lerningRate=1", "learningRate"), ("model=nosuch", "nosuch"), ("train.device=cuda:63", "device"),
    ] {
      let outcome = try lab.run("DIST2_CACHE=$PWD/none $D train table.csv --target y --model m --set \(set)")
      #expect(outcome.code == 1 && outcome.errors.contains(words), "\(set): \(outcome)")
      #expect(!fileExists(lab.folder + "/table"), "\(set)")
    }
  }

  @Test func forceReplacesModelsAlone() throws {
    let lab = try CommandLab()
    let make = "$D new-lm --width 16 --layers 1 --heads 2 --context 64 --force -o"
    #expect(try lab.run("\(make) m").code == 0)
    #expect(try lab.run("mkdir empty; \(make) empty").code == 0)
    for (prepare, name) in [
      ("mkdir -p photos; touch photos/one.jpg", "one.jpg"), ("mkdir -p home/.ssh; touch home/config.json", ".ssh"),
      ("mkdir -p run/checkpoints; touch run/run.yaml", "a run"),
      ("mkdir -p notes; touch notes/a.txt", "no config.json"),
      ("mkdir -p mine; cp m/* mine; touch mine/thesis.pdf", "thesis.pdf"),
    ] {
      let folder = String(prepare.split(separator: ";")[0].split(separator: " ")[2].split(separator: "/")[0])
      for command in [make, "$D export m --force -o"] {
        let outcome = try lab.run("\(prepare); \(command) \(folder)")
        #expect(outcome.code == 1, "\(prepare): \(outcome)")
        #expect(outcome.errors.contains(name), "\(prepare): \(outcome)")
      }
    }
    #expect(fileExists(lab.folder + "/photos/one.jpg"))
    #expect(fileExists(lab.folder + "/mine/thesis.pdf"))
  }
}
