module cand(input [7:0] a, input [7:0] b, output reg [15:0] p);
  always @* case (a[1:0])
    2'd0: p = 16'd0;
    2'd1: p = a * b;
    2'd2: p = a * b;
  endcase
endmodule
