// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import Testing
import Torch

/// `dist2 train` in several processes: the same run as in one, and one line when one of them goes wrong.
@Suite(.serialized, .enabled(if: dist2Program != nil, "dist2 has not been built beside the tests"))
struct ManyProcessesTests {
  private static let shape = "{ steps: 6, batch: 5, samples: 1, answers: 2, checkpointEvery: 3, validateEvery: 3 }"

  private func losses(_ lab: CommandLab, _ run: String) throws -> [Double] {
    try MetricsLog.read("\(lab.folder)/\(run)/metrics.jsonl").flatMap { record in
      ["train/loss", "valid/loss"].compactMap { name -> Double? in
        if case .double(let value)? = record[name] { value } else { nil }
      }
    }
  }

  private func weights(_ lab: CommandLab, _ run: String) throws -> [String: [Float]] {
    let file = try SafetensorsFile("\(lab.folder)/\(run)/checkpoints/step-6/model.safetensors")
    return try Dictionary(
      uniqueKeysWithValues: file.tensors.map { ($0.name, try Tensor($0, copying: true).array(of: Float.self)) })
  }

  /// In float32 the order of additions moves a gradient by 1e-6 of its largest element, so a weight whose gradient is
  /// nearly 0 by a part of a learning rate (2e-5) in a step of AdamW, and losses by 1e-6.
  @Test(arguments: [2, 3], ["none", "optimizer", "gradients"]) func equalOne(count: Int, shard: String) throws {
    let lab = try CommandLab()
    try lab.writeRun(Self.shape)
    #expect(try lab.run("$D train run.yaml -o one").code == 0)
    let outcome = try lab.run("$D train run.yaml -o many --processes \(count) --set train.shard=\(shard)")
    #expect(outcome.code == 0, "\(outcome)")
    #expect(outcome.output.contains("Model:") && outcome.output.split(separator: "\n").count == 2, "\(outcome.output)")
    let (one, many) = (try losses(lab, "one"), try losses(lab, "many"))
    #expect(one.count == many.count && one.count == 8)
    #expect(zip(one, many).allSatisfy { abs($0 - $1) < 1e-6 * $0 }, "\(one) \(many)")
    let (before, after) = (try weights(lab, "one"), try weights(lab, "many"))
    #expect(before.count == after.count)
    for (name, values) in before {
      let worst = zip(values, after[name] ?? []).map { abs($0 - $1) }.max() ?? .infinity
      #expect(worst < 2e-6, "\(name): \(worst)")
    }
    for name in ["report.html", "run.yaml", "samples.jsonl"] {
      #expect(FileManager.default.fileExists(atPath: "\(lab.folder)/many/\(name)"), "\(name)")
    }
  }

  /// Parts of two processes are gone on from by three, by one, and exported as one model.
  @Test func anyNumberGoesOnFromParts() throws {
    let lab = try CommandLab()
    try lab.writeRun("{ steps: 2, batch: 5, samples: 0, answers: 0, shard: optimizer }")
    #expect(try lab.run("$D train run.yaml -o o --processes 2").code == 0)
    let parts = "\(lab.folder)/o/checkpoints/step-2/optimizer-0000"
    #expect((1...2).allSatisfy { FileManager.default.fileExists(atPath: "\(parts)\($0)-of-00002.safetensors") })
    let three = try lab.run(
      "$D train run.yaml -o o --processes 3 --set train.shard=gradients --set train.steps=4")
    #expect(three.code == 0 && three.errors.contains("going on from step 2"), "\(three)")
    let one = try lab.run("$D train run.yaml -o o --set train.steps=6")
    #expect(one.code == 0 && one.errors.contains("going on from step 4"), "\(one)")
    #expect(try lab.run("$D export o -o model").code == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: lab.folder + "/model").contains("model.safetensors"))
  }

  /// The processes of a launcher, by rank.
  private func ranks(in folder: String) -> [Int: pid_t] {
    let ids = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    let found = ids.compactMap { id -> (Int, pid_t)? in
      guard (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")) == folder,
        let environment = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(id)/environ")),
        let rank = String(decoding: environment, as: UTF8.self).split(separator: "\0")
          .first(where: { $0.hasPrefix("RANK=") }).flatMap({ Int($0.dropFirst(5)) })
      else { return nil }
      return (rank, id)
    }
    return Dictionary(found) { first, _ in first }
  }

  /// Starts a long run of three processes, and does something to one of them when steps are being taken.
  private func disturbed(
    _ lab: CommandLab, _ options: String = "", _ disturb: (_ ranks: [Int: pid_t], _ launcher: pid_t) -> Void
  ) throws -> (code: Int32, lines: [String], left: Int) {
    try lab.writeRun("{ steps: 1000000, batch: 6, samples: 0, answers: 0, validateEvery: 1000000 }")
    let process = try lab.start("exec $D train run.yaml -o o --processes 3 \(options) >out.txt 2>err.txt")
    defer { kill(process, SIGKILL) }
    for _ in 0..<600 where (try? losses(lab, "o").count) ?? 0 < 3 { usleep(100_000) }
    disturb(ranks(in: lab.folder), process)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    let text = String(decoding: try fileBytes(lab.folder + "/err.txt"), as: UTF8.self)
    for _ in 0..<20 where !ranks(in: lab.folder).isEmpty { usleep(100_000) }
    return (
      status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F,
      text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("dist2:") }, ranks(in: lab.folder).count
    )
  }

  @Test(arguments: [0, 1]) func aKilledProcessIsNamed(rank: Int) throws {
    let lab = try CommandLab()
    let end = try disturbed(lab) { ranks, _ in
      #expect(ranks.count == 3)
      if let process = ranks[rank] { kill(process, SIGKILL) }
    }
    #expect(end.code == 1)
    #expect(end.lines.count == 1, "\(end.lines)")
    #expect(end.lines.first?.hasPrefix("dist2: process \(rank) was killed by signal 9") == true, "\(end.lines)")
    #expect(end.left == 0)
  }

  @Test func aProcessThatHangsIsNamed() throws {
    let lab = try CommandLab()
    let end = try disturbed(lab, "--timeout 12") { ranks, _ in
      if let process = ranks[2] { kill(process, SIGSTOP) }
    }
    #expect(end.code == 1)
    #expect(end.lines.count == 1, "\(end.lines)")
    #expect(end.lines.first?.hasPrefix("dist2: process 2 did not answer for 12 s") == true, "\(end.lines)")
    #expect(end.left == 0)
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aStopKeepsACheckpoint(number: Int32) throws {
    let lab = try CommandLab()
    let end = try disturbed(lab) { kill($1, number) }
    #expect(end.code == 130)
    #expect(end.lines == [])
    #expect(end.left == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: lab.folder + "/o/checkpoints")
    #expect(names.count == 1 && names[0].hasPrefix("step-"), "\(names)")
    // Another number of processes goes on from it.
    let step = try #require(Int(names[0].dropFirst(5)))
    let longer = try lab.run("$D train run.yaml -o o --processes 2 & sleep 4; kill -INT $!; wait $!")
    #expect(longer.code == 130 && longer.errors.contains("going on from step \(step)"), "\(longer)")
  }

  @Test func aLauncherThatIsKilledTakesAllAlong() throws {
    let lab = try CommandLab()
    #expect(try disturbed(lab) { kill($1, SIGKILL) }.left == 0)
  }

  /// As torchrun and Slurm start them: run files that differ, a process too few.
  @Test func whatDiffersIsNamed() throws {
    let lab = try CommandLab()
    try lab.writeRun()
    try lab.write("other.jsonl", TinyRun.sums(17))
    func pair(_ second: String, timeout: Int = 60) throws -> CommandLab.Outcome {
      let port = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(5)).port
      let common = "WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=\(port) $D train run.yaml --timeout \(timeout)"
      return try lab.run("RANK=1 \(common) -o b \(second) & RANK=0 \(common) -o a; code=$?; wait; exit $code")
    }
    let same = try pair("")
    #expect(same.code == 0, "\(same)")
    #expect(!FileManager.default.fileExists(atPath: lab.folder + "/b"))
    for (change, words) in [
      ("--set train.seed=3", "process 1 has another value of the key train.seed than process 0: 3 instead of 0."),
      (
        "--set train.shard=optimizer",
        #"process 1 has another value of the key train.shard than process 0: "optimizer" instead of "none"."#
      ),
      ("--set train.batch=2", "process 1 has another value of the key train.batch than process 0: 2 instead of 4."),
    ] {
      let outcome = try pair(change)
      #expect(outcome.code == 1)
      let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("dist2:") }
      #expect(lines.count == 1 && lines[0].hasPrefix("dist2: " + words), "\(outcome.errors)")
    }
    let alone = try lab.run(
      "RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29611 $D train run.yaml -o c --timeout 3")
    #expect(alone.code == 1)
    #expect(alone.errors.contains("of 2 processes process 1 did not come within 2 s."), "\(alone.errors)")
    for (variables, words) in [
      ("RANK=2 WORLD_SIZE=2", "RANK: expected a number from 0 to 1"), ("RANK=0", "WORLD_SIZE: expected a number"),
      ("RANK=0 WORLD_SIZE=2", "MASTER_ADDR: expected the machine of process 0"),
      (
        "RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29611 GLOO_SOCKET_IFNAME=nope0",
        "GLOO_SOCKET_IFNAME: expected a network interface of this machine"
      ),
    ] {
      let outcome = try lab.run("\(variables) $D train run.yaml -o c")
      #expect(outcome.code == 1 && outcome.errors.contains(words), "\(outcome.errors)")
    }
  }
}
