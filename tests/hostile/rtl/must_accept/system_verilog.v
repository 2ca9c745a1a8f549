module cand(input logic [7:0] a, input logic [7:0] b, output logic [15:0] p);
  localparam int W = $clog2(256);
  logic [15:0] t [0:W];
  always_comb begin
    t[0] = '0;
    for (int k = 0; k < W; k++) t[k + 1] = t[k] + (b[k] ? {8'd0, a} << k : 16'd0);
    p = t[W];
  end
endmodule
