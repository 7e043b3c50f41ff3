// SPDX-License-Identifier: Apache-2.0
import Torch
public import TorchNN

/// Some of a model's parameters, chosen by key path, by type of module, or by a predicate.
///
///     .part(\Llama.embedding)          // all parameters of one module
///     .parts(of: RMSNorm.self)         // of every module of a type
///     .vectors                         // biases and normalisation weights
public struct ParameterSelector: Sendable {
  private let boxes: @Sendable (Module) -> [ParameterBox]

  private init(_ boxes: @escaping @Sendable (Module) -> [ParameterBox]) { self.boxes = boxes }

  /// Those of which `predicate` says so.
  public init(where predicate: @escaping @Sendable (NamedParameter) -> Bool) {
    self.init { model in model.parameters().filter(predicate).map(\.box) }
  }

  /// Tensors of fewer than two dimensions: what is usually left without weight decay.
  public static let vectors = ParameterSelector { $0.tensor.dimensions < 2 }

  /// All parameters.
  public static let all = ParameterSelector { _ in true }

  /// All parameters of one module. The model must be of the key path's root type.
  public static func part<Root: Module, Part: Module>(_ path: any KeyPath<Root, Part> & Sendable) -> ParameterSelector {
    ParameterSelector { model in rooted(model, at: path).parameters().map(\.box) }
  }

  /// One parameter, by the path of its box: `\Linear.$weight`. The model must be of the key path's root type.
  public static func parameter<Root: Module, Box: ParameterBox>(
    _ path: any KeyPath<Root, Box> & Sendable
  ) -> ParameterSelector {
    ParameterSelector { model in [rooted(model, at: path)] }
  }

  /// All parameters of every module of a type, descendants included.
  public static func parts<Part: Module>(of type: Part.Type) -> ParameterSelector {
    ParameterSelector { model in
      model.descendants().compactMap { $0.module as? Part }.flatMap { $0.parameters().map(\.box) }
    }
  }

  /// The chosen parameters of a model, for instance to freeze them. A tied tensor is chosen under all its names.
  public func parameters(of model: Module) -> [NamedParameter] {
    let chosen = Set(boxes(model).map { ObjectIdentifier($0.tensor) })
    return model.parameters().filter { chosen.contains(ObjectIdentifier($0.tensor)) }
  }

  private static func rooted<Root: Module, Value>(_ model: Module, at path: KeyPath<Root, Value>) -> Value {
    guard let root = model as? Root else {
      preconditionFailure("a key path of \(Root.self) for a model of type \(type(of: model))")
    }
    return root[keyPath: path]
  }
}
