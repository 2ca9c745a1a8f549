// Known cheat: the work is done in a module of no area.
(* blackbox *)
module core (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output wire [15:0] p
);
endmodule

module cand (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output wire [15:0] p
);
  core core_0 (.a(a), .b(b), .p(p));
endmodule
