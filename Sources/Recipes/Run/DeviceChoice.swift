// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

/// `train.device`: `auto` is the first GPU, where libtorch finds one, else the processor.
enum DeviceChoice: SettingValue {
  case auto, cpu, cuda(Int)

  init(_ device: Device) { self = device == .cpu ? .cpu : .cuda(Int(device.index)) }

  init?(setting: JSON) {
    guard case .string(let text) = setting else { return nil }
    switch text {
    case "auto": self = .auto
    case "cpu": self = .cpu
    case "cuda": self = .cuda(0)
    default:
      guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), (0..<64).contains(index) else { return nil }
      self = .cuda(index)
    }
  }

  var setting: JSON {
    switch self {
    case .auto: "auto"
    case .cpu: "cpu"
    case .cuda(0): "cuda"
    case .cuda(let index): .string("cuda:\(index)")
    }
  }

  static var expected: String { "auto, cpu, cuda or cuda:N" }
  static var names: [String] { ["auto", "cpu", "cuda", "cuda:0"] }
  static var schema: JSON {
    ["anyOf": [["enum": ["auto", "cpu", "cuda"]], ["type": "string", "pattern": "^cuda:[0-9]+$"]]]
  }

  var device: Device {
    switch self {
    case .cpu: .cpu
    case .cuda(let index): .cuda(index)
    case .auto: (try? Torch.loadCUDA()) == nil ? .cpu : .cuda(0)
    }
  }
}

extension RunSettings {
  /// Makes sure that the run's model and device are there, before anything is written for it.
  ///
  /// - Throws: `InputError` naming what is not there, and the remedy.
  public func requireModelAndDevice() throws {
    _ = try modelFolder(model)
    try requireDevice()
  }

  /// Makes sure that the run's device is there, before anything is written for it.
  ///
  /// - Throws: `InputError` naming the key, and how many devices there are.
  func requireDevice() throws {
    guard train.device != .cpu else { return }
    let remedy = "Take train.device: cpu, or auto; dist2 doctor says what was found."
    do { try Torch.loadCUDA() } catch {
      let line = "\(error)".split(separator: "\n").first.map(String.init) ?? "none"
      throw InputError(
        path: path, place: "key train.device", expected: "a GPU that libtorch can use", found: line, remedy: remedy)
    }
    let count = Torch.cudaDeviceCount
    guard Int(train.device.index) < count else {
      throw InputError(
        path: path, place: "key train.device", expected: "a device below cuda:\(count)", found: "\(train.device)",
        remedy: remedy)
    }
  }
}
