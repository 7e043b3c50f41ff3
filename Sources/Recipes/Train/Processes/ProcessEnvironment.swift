// SPDX-License-Identifier: Apache-2.0
public import Files
public import Foundation
public import Torch
import Reports

extension ProcessPlace {
  /// The place that torchrun, Slurm or `dist2 train --processes` gave this process; nil if it is alone.
  ///
  /// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torch's own programs read them. Under Slurm's srun
  /// SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID stand for the first three, where MASTER_ADDR is set: in a shell that
  /// salloc gave they are there as well, and mean nothing.
  ///
  /// - Throws: `InputError` naming the variable that is missing or wrong.
  public static func inEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(InputError) -> ProcessPlace? {
    let isSlurm = environment["RANK"] == nil && environment["WORLD_SIZE"] == nil && environment["MASTER_ADDR"] != nil
    let isShared = ["RANK", "WORLD_SIZE"].contains { environment[$0] != nil }
    guard isShared || isSlurm && environment["SLURM_PROCID"] != nil else { return nil }
    func number(_ name: String, _ range: ClosedRange<Int>) throws(InputError) -> Int {
      guard let value = environment[name].flatMap({ Int($0) }), range.contains(value) else {
        throw InputError(
          path: "<environment>", place: name, expected: "a number \(range.words)",
          found: environment[name].map { "\"\($0)\"" } ?? "nothing", remedy: remedy)
      }
      return value
    }
    let size = try number(isSlurm ? "SLURM_NTASKS" : "WORLD_SIZE", 1...65_536)
    let rank = try number(isSlurm ? "SLURM_PROCID" : "RANK", 0...size - 1)
    guard size > 1 else { return nil }
    guard let host = environment["MASTER_ADDR"], !host.isEmpty else {
      throw InputError(
        path: "<environment>", place: "MASTER_ADDR", expected: "the machine of process 0", found: "nothing",
        remedy: remedy)
    }
    if let interface = environment["GLOO_SOCKET_IFNAME"] { try requireInterface(interface) }
    let local = isSlurm ? "SLURM_LOCALID" : "LOCAL_RANK"
    return ProcessPlace(
      rank: rank, size: size, localRank: environment[local] == nil ? 0 : try number(local, 0...size - 1), host: host,
      port: try number("MASTER_PORT", 1...65_535),
      isStoreElsewhere: environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true")
  }

  /// Gloo's own words for one that is not there name a line of its source.
  private static func requireInterface(_ name: String) throws(InputError) {
    let folder = "/sys/class/net", found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard !found.isEmpty, !found.contains(name) else { return }
    throw InputError(
      path: "<environment>", place: "GLOO_SOCKET_IFNAME",
      expected: "a network interface of this machine: \(found.sorted().joined(separator: ", "))", found: "\"\(name)\"",
      remedy: "Unset it: the interface on the way to MASTER_ADDR is taken then.")
  }

  private static let remedy =
    "torchrun sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; docs/guides/many-processes.md has Slurm. Unset them to "
    + "train in one process."
}
