module cand (
  input  wire [15:0] a,
  input  wire [15:0] b,
  output wire [31:0] p
);
  assign p = a * b;
endmodule
