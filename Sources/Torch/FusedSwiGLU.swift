// SPDX-License-Identifier: Apache-2.0

/// silu(gate) · up, element by element, with silu(x) = x / (1 + e⁻ˣ). Both of one shape.
public func swiGLU(_ gate: Tensor, _ up: Tensor) -> Tensor { Fused.swiGLU(gate, up) }

/// The same for one projection that holds gate and up side by side: `[…, 2·I]` → `[…, I]`.
public func swiGLU(_ gateAndUp: Tensor) -> Tensor { Fused.swiGLU(gateAndUp) }

/// (silu(gate) · up) Wᵀ with gate and up `[…, I]`, W `[O, I]`: ``swiGLU(_:_:)`` and a linear layer, of which only gate
/// and up are kept for the backward pass. A third less memory than the two by themselves, for one cheap pass more.
public func swiGLU(_ gate: Tensor, _ up: Tensor, projectedBy weight: Tensor) -> Tensor {
  Fused.gatedLinear(gate, up, weight)
}
